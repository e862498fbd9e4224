// Taking the right to write away, and giving it back for a moment.
#include "support/sealed.h"

namespace ashlar {
namespace {

// Under messages_lock().
constinit bool is_sealed = false;

bool set_access(Access access) { return System::protect(&sealed, sizeof sealed, access); }

}  // namespace

constinit Sealed sealed{};

void seal() {
  // Where the system refuses, it stays as in the other profiles.
  is_sealed = kActive.seal && System::page_size() <= sizeof sealed && set_access(Access::kRead);
}

bool open_seal() { return !is_sealed || set_access(Access::kReadWrite); }

void close_seal() {
  if (is_sealed) {
    set_access(Access::kRead);
  }
}

}  // namespace ashlar
