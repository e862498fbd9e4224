/* Something for the C compiler to chew on: macros make a hundred functions with loops,
   switches and tables. It is compiled, never run. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FUNCTION(n)                                                              \
  static const uint32_t table_##n[16] = {n, n + 1, n * 3, n ^ 5, n << 2, n % 7}; \
  struct record_##n {                                                            \
    uint32_t key;                                                                \
    double weight;                                                               \
    char name[n % 13 + 1];                                                       \
    struct record_##n* next;                                                     \
  };                                                                             \
  double walk_##n(const struct record_##n* list, uint32_t key) {                 \
    double sum = 0;                                                              \
    for (; list != NULL; list = list->next) {                                    \
      switch ((list->key ^ key) % 11) {                                          \
        case 0:                                                                  \
          sum += list->weight;                                                   \
          break;                                                                 \
        case 3:                                                                  \
          sum -= list->weight * table_##n[key % 16];                             \
          break;                                                                 \
        case 7:                                                                  \
          sum *= 1.0 + (double)strlen(list->name);                               \
          break;                                                                 \
        default:                                                                 \
          for (int i = 0; i < 16; i++) sum += table_##n[i] * (double)(i + n);    \
      }                                                                          \
    }                                                                            \
    return sum;                                                                  \
  }                                                                              \
  struct record_##n* push_##n(struct record_##n* list, uint32_t key) {           \
    struct record_##n* const record = malloc(sizeof *record);                    \
    if (record == NULL) return list;                                             \
    record->key = key;                                                           \
    record->weight = table_##n[key % 16] / 3.0;                                  \
    snprintf(record->name, sizeof record->name, "%u", (unsigned)key);            \
    record->next = list;                                                         \
    return record;                                                               \
  }

// clang-format off: it moves these lines about at every run
#define TEN(n) \
  FUNCTION(n##0) FUNCTION(n##1) FUNCTION(n##2) FUNCTION(n##3) FUNCTION(n##4) \
  FUNCTION(n##5) FUNCTION(n##6) FUNCTION(n##7) FUNCTION(n##8) FUNCTION(n##9)
// clang-format on

TEN(1) TEN(2) TEN(3) TEN(4)
