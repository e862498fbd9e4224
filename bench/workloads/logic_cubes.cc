// Two-level logic minimisation in small: complements random covers by Shannon expansion, with every
// cube (a bit set over the variables) and every cover a block of its own. Small and middling arrays
// with stack-like lifetimes, as in circuit tools.
#include "workload.h"

namespace {

constexpr unsigned kVariables = 40;
constexpr unsigned kWords = (2 * kVariables + 63) / 64;

// Two bits a variable: may be 0, may be 1; both: the cube does not care.
struct Cube {
  std::uint64_t bits[kWords];
};

struct Cover {
  std::size_t count;
  std::size_t room;
  Cube** cubes;
};

bool has(const Cube* cube, unsigned variable, unsigned value) {
  const unsigned bit = 2 * variable + value;
  return ((cube->bits[bit / 64] >> (bit % 64)) & 1) != 0;
}

void set(Cube* cube, unsigned variable, unsigned value, bool on) {
  const unsigned bit = 2 * variable + value;
  const std::uint64_t mask = std::uint64_t{1} << (bit % 64);
  cube->bits[bit / 64] = on ? cube->bits[bit / 64] | mask : cube->bits[bit / 64] & ~mask;
}

Cube* full_cube() {
  auto* cube = static_cast<Cube*>(workload::allocate(sizeof(Cube)));
  std::memset(cube, 0, sizeof(Cube));
  for (unsigned v = 0; v < kVariables; v++) {
    set(cube, v, 0, true);
    set(cube, v, 1, true);
  }
  return cube;
}

Cube* copy(const Cube* cube) {
  auto* result = static_cast<Cube*>(workload::allocate(sizeof(Cube)));
  *result = *cube;
  return result;
}

Cover* make_cover(std::size_t room) {
  auto* cover = static_cast<Cover*>(workload::allocate(sizeof(Cover)));
  *cover = {0, room, static_cast<Cube**>(workload::allocate((room + 1) * sizeof(Cube*)))};
  return cover;
}

void push(Cover* cover, Cube* cube) {
  if (cover->count == cover->room) {
    cover->room = cover->room * 2 + 2;
    cover->cubes =
        static_cast<Cube**>(std::realloc(cover->cubes, (cover->room + 1) * sizeof(Cube*)));
    if (cover->cubes == nullptr) workload::fail("out of memory");
  }
  cover->cubes[cover->count++] = cube;
}

void drop(Cover* cover) {
  for (std::size_t i = 0; i < cover->count; i++) std::free(cover->cubes[i]);
  std::free(cover->cubes);
  std::free(cover);
}

// The cover with one variable fixed: cubes that exclude the value vanish, others stop caring.
Cover* cofactor(const Cover* cover, unsigned variable, unsigned value) {
  Cover* result = make_cover(cover->count);
  for (std::size_t i = 0; i < cover->count; i++) {
    if (!has(cover->cubes[i], variable, value)) continue;
    Cube* cube = copy(cover->cubes[i]);
    set(cube, variable, 1 - value, true);
    push(result, cube);
  }
  return result;
}

// The variable that most cubes depend on, or kVariables if none does.
unsigned splitting_variable(const Cover* cover) {
  unsigned best = kVariables;
  unsigned best_count = 0;
  for (unsigned v = 0; v < kVariables; v++) {
    unsigned count = 0;
    for (std::size_t i = 0; i < cover->count; i++) {
      if (!has(cover->cubes[i], v, 0) || !has(cover->cubes[i], v, 1)) count++;
    }
    if (count > best_count) {
      best = v;
      best_count = count;
    }
  }
  return best;
}

Cover* complement(const Cover* cover) {
  if (cover->count == 0) {
    Cover* everything = make_cover(1);
    push(everything, full_cube());
    return everything;
  }
  const unsigned variable = splitting_variable(cover);
  if (variable == kVariables) return make_cover(0);
  Cover* halves[2];
  for (unsigned value = 0; value < 2; value++) {
    Cover* part = cofactor(cover, variable, value);
    halves[value] = complement(part);
    drop(part);
  }
  // Cubes found in both halves do not depend on the variable; the others get its value. Only
  // short halves are compared: else this search, and not allocation, would be the work.
  const bool compare = halves[0]->count * halves[1]->count <= 1024;
  Cover* result = make_cover(halves[0]->count + halves[1]->count);
  for (std::size_t i = 0; i < halves[0]->count; i++) {
    Cube*& cube = halves[0]->cubes[i];
    bool both = false;
    for (std::size_t j = 0; compare && j < halves[1]->count && !both; j++) {
      Cube*& other = halves[1]->cubes[j];
      if (other == nullptr || std::memcmp(cube, other, sizeof(Cube)) != 0) continue;
      std::free(other);
      other = nullptr;
      both = true;
    }
    if (!both) set(cube, variable, 1, false);
    push(result, cube);
    cube = nullptr;
  }
  for (std::size_t j = 0; j < halves[1]->count; j++) {
    Cube*& cube = halves[1]->cubes[j];
    if (cube == nullptr) continue;
    set(cube, variable, 0, false);
    push(result, cube);
    cube = nullptr;
  }
  drop(halves[0]);
  drop(halves[1]);
  return result;
}

}  // namespace

int main(int argc, char** argv) {
  const auto arguments = workload::parse(argc, argv, {40, 1, 1});
  workload::Random random(arguments.seed);
  std::uint64_t checksum = 0;
  for (std::uint64_t round = 0; round < arguments.size; round++) {
    Cover* cover = make_cover(0);
    for (unsigned i = 0; i < 14; i++) {
      Cube* cube = full_cube();
      for (unsigned literal = 0; literal < 4; literal++) {
        const auto variable = static_cast<unsigned>(random.below(kVariables));
        set(cube, variable, static_cast<unsigned>(random.below(2)), false);
        if (!has(cube, variable, 0) && !has(cube, variable, 1)) set(cube, variable, 0, true);
      }
      push(cover, cube);
    }
    Cover* inverse = complement(cover);
    checksum = checksum * 31 + inverse->count;
    for (std::size_t i = 0; i < inverse->count; i++) checksum += inverse->cubes[i]->bits[0];
    drop(inverse);
    drop(cover);
  }
  return workload::finish(checksum);
}
