// Stands before libstdc++'s own, which is glibc's. The library uses no locales; headers that it takes
// for other things declare functions that do.
#pragma once

#include <locale.h>

#define _GLIBCXX_NUM_CATEGORIES 0

namespace std {

using __c_locale = locale_t;
int __convert_from_v(const __c_locale& locale, char* text, int size, const char* format, ...);

}  // namespace std
