// Restores errno: what a call to the system leaves in it is nobody's business but the caller's.
#pragma once

#include <errno.h>

namespace ashlar {

class KeepErrno {
 public:
  KeepErrno() : saved_(errno) {}
  ~KeepErrno() { errno = saved_; }
  KeepErrno(const KeepErrno&) = delete;
  KeepErrno& operator=(const KeepErrno&) = delete;

 private:
  const int saved_;
};

}  // namespace ashlar
