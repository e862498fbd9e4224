// The one message about large OS pages.
#include "arena/arena_mapping.h"

#include "support/messages.h"

namespace ashlar {
namespace {

constinit RelaxedNumber<bool> reported;

}  // namespace

void report_refused_large_pages() {
  if (large_pages_refused.get() && !reported.get() && foreign_code_allowed() &&
      reported.replace(false, true)) {
    report_warning(
        "the system has not got enough large OS pages (2 MiB) for an arena, so it is made of "
        "ordinary ones; see /proc/sys/vm/nr_hugepages, or set some aside: hugeadm "
        "--pool-pages-min 2M:512");
  }
}

}  // namespace ashlar
