// The sequence of calls: which thread makes a call, what a failure may look like, and the end.
#include "session.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "support/expect.h"

namespace fuzz {

const Session::Heap* Session::heap_of(const Step& step) const {
  const std::size_t which = std::size_t{step.place} / 4 % (heaps_.size() + 1);
  return which == 0 ? nullptr : &heaps_[which - 1];
}

mi_heap_t* Session::handle_of(const Step& step) const {
  const Heap* const heap = heap_of(step);
  return heap == nullptr ? nullptr : heap->handle;
}

mi_heap_t* Session::used_by(const Step& step) const {
  if (mi_heap_t* const heap = handle_of(step); heap != nullptr) {
    return heap;
  }
  return defaults_[thread_] == nullptr ? main_heap() : defaults_[thread_];
}

mi_heap_t* Session::main_heap() const {
  return mains_[thread_] == nullptr ? Process::get().main : mains_[thread_];
}

void Session::forget_thread(std::size_t thread) {
  mains_[thread] = nullptr;
  defaults_[thread] = nullptr;
}

bool Session::may_fail(const Step& step) const {
  if (faults_left_ != 0 || limited_) {
    return true;
  }
  const mi_heap_t* const used = used_by(step);
  return std::any_of(heaps_.begin(), heaps_.end(),
                     [&](const Heap& heap) { return heap.handle == used && heap.arena != 0; });
}

void Session::check_failure(const Step& step, std::size_t size, std::size_t alignment) const {
  if (alignment == 0 || (alignment & (alignment - 1)) != 0) {
    return expect(errno == EINVAL || errno == ENOMEM, "a bad alignment is refused");
  }
  expect(errno == ENOMEM, "a failure says that memory is short");
  expect(is_impossible(size) || may_fail(step), "an allocation does not fail without need");
}

std::size_t Session::affordable_size(const Step& step) const {
  const std::size_t size = size_of(step);
  if (is_impossible(size)) {
    return size;
  }
  return std::min(size, kBytesMax - std::min(kBytesMax, blocks_.bytes()));
}

void Session::dispatch(const Step& step) {
  switch (static_cast<Op>(step.op)) {
    case Op::kMalloc:
    case Op::kZeroed:
    case Op::kAligned:
    case Op::kAlignedAt:
    case Op::kNew:
    case Op::kReporting:
    case Op::kThreadHeap:
      return allocate(step);
    case Op::kString:
      return copy_string(step);
    case Op::kBurst:
      return burst(step);
    case Op::kRealloc:
    case Op::kReallocAligned:
    case Op::kRezalloc:
      return resize(step);
    case Op::kExpand:
      return expand(step);
    case Op::kFree:
      return free_one(step);
    case Op::kFreeMany:
      return free_many(step);
    case Op::kFreeTogether:
      return free_together(step);
    case Op::kQuestions:
      return ask(step);
    case Op::kForeign:
      return pass_foreign(step);
    case Op::kHeapNew:
      return make_heap(step);
    case Op::kHeapDelete:
      return delete_heap(step, false);
    case Op::kHeapDestroy:
      return delete_heap(step, true);
    case Op::kHeapDefault:
      return set_default(step);
    case Op::kCollect:
      return collect(step);
    case Op::kLetGo:
      return let_go(step);
    case Op::kEndThread:
      return end_thread(step);
    case Op::kVisit:
      return visit(step);
    case Op::kVisitParts:
      return visit_parts(step);
    case Op::kMove:
      return move_blocks(step);
    case Op::kOption:
      return set_option(step);
    case Op::kLimit:
      return set_limit(step);
    case Op::kFaults:
      return start_faults(step);
    case Op::kReports:
      return print_reports(step);
    case Op::kRealm:
      return change_realm(step);
    case Op::kCheckAll:
      return blocks_.check_all();
    case Op::kCount:
      break;
  }
}

void Session::run(const Step& raw) {
  Step step = raw;
  step.op = static_cast<std::uint8_t>(step.op % static_cast<unsigned>(Op::kCount));
  // Most calls are the first thread's.
  thread_ = step.place % 4 < 2 ? 0 : step.place % 4u - 1;
  const Op op = static_cast<Op>(step.op);
  if (op == Op::kEndThread || op == Op::kFreeTogether) {
    thread_ = 0;
  }
  if (thread_ == 0) {
    dispatch(step);
  } else {
    if (workers_[thread_] == nullptr) {
      workers_[thread_] = std::make_unique<Worker>();
    }
    workers_[thread_]->run([&] { dispatch(step); });
  }
  if (faults_left_ != 0 && op != Op::kFaults && --faults_left_ == 0) {
    end_shortage();
  }
}

Session::~Session() {
  thread_ = 0;
  end_shortage();
  blocks_.check_all();
  for (std::unique_ptr<Worker>& worker : workers_) {
    worker = nullptr;
  }
  mi_heap_set_default(Process::get().main);
  defaults_ = {};
  mains_ = {};
  while (!heaps_.empty()) {
    const Step step{};
    delete_heap(step, heaps_.size() % 2 == 0);
  }
  while (!realms_.empty()) {
    end_realm(0, realms_.size() % 2 == 0);
  }
  blocks_.check_all();
  for (const Block& block : blocks_.all()) {
    mi_free(blocks_.take(block).pointer());
  }
  for (int option = 0; option < _mi_option_last; ++option) {
    mi_option_set(static_cast<mi_option_t>(option),
                  Process::get().options[static_cast<std::size_t>(option)]);
  }
  mi_collect(true);
  const auto any = [](const mi_heap_t*, const mi_heap_area_t*, void* block, std::size_t, void*) {
    return block == nullptr;
  };
  expect(mi_heap_visit_blocks(Process::get().main, true, any, nullptr),
         "nothing is left at the end");
}

}  // namespace fuzz
