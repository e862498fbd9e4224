// Bodies under gravity in a plane, by a tree of small nodes that every step builds anew and drops
// whole (Barnes and Hut 1986). Scientific programs of this kind and spatial indexes: one node size,
// order of freeing unlike the order of allocation, and much arithmetic between the calls. Positions
// are integers, so that the sum is the same everywhere.
#include <vector>

#include "workload.h"

namespace {

constexpr std::int64_t kSide = std::int64_t{1} << 32;
constexpr std::size_t kBodies = 4000;

struct Body {
  std::int64_t x, y;
  std::int64_t speed_x, speed_y;
};

// A square of the plane: empty places, single bodies, or four smaller squares.
struct Square {
  Square* parts[4];
  const Body* body;
  std::int64_t mass, sum_x, sum_y;
};

Square* make_square() {
  auto* square = static_cast<Square*>(workload::allocate(sizeof(Square)));
  *square = {};
  return square;
}

void add(Square* square, const Body* body, std::int64_t x, std::int64_t y, std::int64_t side) {
  const bool was_leaf = square->body != nullptr;
  const bool was_empty = square->mass == 0;
  square->mass++;
  square->sum_x += body->x;
  square->sum_y += body->y;
  if (was_empty) {
    square->body = body;
    return;
  }
  if (side <= 1) return;  // bodies at one place stay together
  const std::int64_t half = side / 2;
  const auto put = [&](const Body* one) {
    const bool right = one->x >= x + half;
    const bool upper = one->y >= y + half;
    Square*& part = square->parts[(right ? 1 : 0) + (upper ? 2 : 0)];
    if (part == nullptr) part = make_square();
    add(part, one, right ? x + half : x, upper ? y + half : y, half);
  };
  if (was_leaf) {
    const Body* first = square->body;
    square->body = nullptr;
    put(first);
  }
  put(body);
}

// Far squares pull as one body in their middle; the law is an integer's likeness of gravity.
void pull(const Square* square, Body& body, std::int64_t side) {
  const std::int64_t dx = square->sum_x / square->mass - body.x;
  const std::int64_t dy = square->sum_y / square->mass - body.y;
  const std::int64_t distance = (dx < 0 ? -dx : dx) + (dy < 0 ? -dy : dy);
  if (side <= 1 || square->body != nullptr || side * 2 < distance) {
    const std::int64_t near = distance / (kSide / 4096) + 1;
    body.speed_x += dx / (near * near) * square->mass / 4096;
    body.speed_y += dy / (near * near) * square->mass / 4096;
    return;
  }
  for (const Square* part : square->parts) {
    if (part != nullptr) pull(part, body, side / 2);
  }
}

void drop(Square* square) {
  for (Square* part : square->parts) {
    if (part != nullptr) drop(part);
  }
  std::free(square);
}

std::int64_t moved(std::int64_t at, std::int64_t& speed) {
  // Bodies bounce off the edges.
  speed = speed > kSide / 64 ? kSide / 64 : speed < -kSide / 64 ? -kSide / 64 : speed;
  at += speed;
  if (at < 0 || at >= kSide) {
    speed = -speed;
    at = at < 0 ? 0 : kSide - 1;
  }
  return at;
}

}  // namespace

int main(int argc, char** argv) {
  const auto arguments = workload::parse(argc, argv, {400, 1, 1});
  workload::Random random(arguments.seed);
  std::vector<Body> bodies(kBodies);
  for (Body& body : bodies) {
    body = {static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(kSide))),
            static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(kSide))), 0, 0};
  }
  for (std::uint64_t step = 0; step < arguments.size; step++) {
    Square* plane = make_square();
    for (const Body& body : bodies) add(plane, &body, 0, 0, kSide);
    // Forces on a few of them, in turn: the tree, not the arithmetic, is the larger part.
    for (std::size_t i = step % 32; i < bodies.size(); i += 32) pull(plane, bodies[i], kSide);
    drop(plane);
    for (Body& body : bodies) {
      body.x = moved(body.x, body.speed_x);
      body.y = moved(body.y, body.speed_y);
    }
  }
  std::uint64_t checksum = 0;
  for (const Body& body : bodies) {
    checksum = workload::Random::mix(checksum + static_cast<std::uint64_t>(body.x) * 31 +
                                     static_cast<std::uint64_t>(body.y));
  }
  return workload::finish(checksum);
}
