// The drawing of arenas, and the least memory that one can be made of.
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
#include <string>
#include <vector>

#include "api_test_support.h"

namespace {

using namespace api_test;

// The lines of one arena, its title first.
std::vector<std::string> drawing_of(mi_arena_id_t id) {
  const std::string title = "ashlar: arena " + std::to_string(id) + " at ";
  std::vector<std::string> own;
  bool inside = false;
  for (const std::string& line : lines_sent_by(mi_arenas_print)) {
    if (line.rfind("ashlar: ", 0) == 0) inside = line.rfind(title, 0) == 0;
    if (inside) own.push_back(line);
  }
  return own;
}

// How many slices are drawn so; the title is no drawing.
std::size_t count_signs(const std::vector<std::string>& lines, char sign) {
  std::size_t signs = 0;
  for (std::size_t i = 1; i < lines.size(); ++i) {
    if (lines[i].find('(') != std::string::npos) continue;
    const std::string drawing = lines[i].substr(lines[i].find("MiB ") + 4);
    signs += static_cast<std::size_t>(std::count(drawing.begin(), drawing.end(), sign));
  }
  return signs;
}

TEST(ArenaPicture, DrawsPagesWhereTheyAre) {
  mi_arena_id_t id = 0;
  ASSERT_EQ(mi_reserve_os_memory_ex(64 * kMiB, true, false, true, &id), 0);
  const std::vector<std::string> fresh = drawing_of(id);
  ASSERT_GE(fresh.size(), 2U);
  EXPECT_NE(fresh[0].find("; exclusive"), std::string::npos) << fresh[0];
  EXPECT_NE(fresh[0].find("64 MiB, 1024 slices"), std::string::npos) << fresh[0];
  EXPECT_EQ(count_signs(fresh, '#'), 0U);
  EXPECT_GT(count_signs(fresh, 'm'), 0U);
  EXPECT_NE(fresh.back().find("never touched"), std::string::npos) << fresh.back();

  mi_heap_t* const heap = mi_heap_new_in_arena(id);
  ASSERT_NE(heap, nullptr);
  void* const small = mi_heap_malloc(heap, 100);
  constexpr std::size_t kLarge = 6 * kMiB;
  void* const large = mi_heap_malloc(heap, kLarge - kPadding - guard());
  ASSERT_TRUE(small != nullptr && large != nullptr);
  const std::vector<std::string> used = drawing_of(id);
  EXPECT_EQ(count_signs(used, '#'), 2U);
  EXPECT_EQ(count_signs(used, '='), kLarge / (64 * kKiB) - 1);
  EXPECT_EQ(count_signs(used, 'm'), count_signs(fresh, 'm'));

  std::memset(large, 1, kLarge - kPadding - guard());
  mi_free(large);
  mi_free(small);
  mi_heap_collect(heap, true);
  const std::vector<std::string> freed = drawing_of(id);
  EXPECT_EQ(count_signs(freed, '#'), 0U);
  EXPECT_GE(count_signs(freed, 'w') + count_signs(freed, 'p') + count_signs(freed, '.'),
            kLarge / (64 * kKiB));
  mi_heap_delete(heap);
}

TEST(ArenaPicture, TellsWhatIsNotCommitted) {
  mi_arena_id_t id = 0;
  ASSERT_EQ(mi_reserve_os_memory_ex(32 * kMiB, false, false, true, &id), 0);
  const std::vector<std::string> fresh = drawing_of(id);
  EXPECT_GT(count_signs(fresh, ','), 0U);
  EXPECT_EQ(count_signs(fresh, '.'), 0U);
}

TEST(ArenaPicture, BothNamesDrawTheSame) {
  const std::vector<std::string> lines = lines_sent_by(mi_debug_show_arenas);
  ASSERT_GE(lines.size(), 2U);
  EXPECT_EQ(lines[0], lines_sent_by(mi_arenas_print)[0]);
}

TEST(ArenaMinimum, IsTheLeastThatIsTaken) {
  const std::size_t alignment = mi_arena_min_alignment();
  const std::size_t least = mi_arena_min_size();
  EXPECT_EQ(alignment & (alignment - 1), 0U);
  for (const std::size_t size : {least, least - 64 * kKiB}) {
    void* const memory = mmap(nullptr, size + alignment, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    ASSERT_NE(memory, MAP_FAILED);
    char* start = static_cast<char*>(memory);
    start += (alignment - reinterpret_cast<std::uintptr_t>(start) % alignment) % alignment;
    mi_arena_id_t id = 0;
    const bool taken = mi_manage_os_memory_ex(start, size, true, false, true, -1, true, &id);
    EXPECT_EQ(taken, size == least);
    if (!taken) {
      munmap(memory, size + alignment);  // else it is the arena's for good
    }
  }
}

}  // namespace
