/* Reading what a page counts while its owner allocates and others free: what a reader accepts was
   true at one moment, the one at which it read the word of the fast paths.

   Bounds: the owner does OPS operations (allocate, free one of its blocks, collect, keep what was
   handed out), chosen freely; a second thread frees up to FREES blocks; the reader looks LOOKS
   times. `held` and `total` are the truth: blocks that the program holds, and blocks handed out.

   Here                 There
     hand_out           src/page/block_counts.h:note_handed_out
     free_local         src/page/block_counts.h:note_freed
     push_remote        src/page/ownership.h:push_remote
     collect_remote     src/page/ownership.cc:collect_remote, src/page/block_counts.h:note_collected
     keep_counts        src/page/page.h:keep_counts, src/page/block_counts.h:forget_handed_out
     begin_change       src/page/block_counts.h:Change
     end_change         src/page/block_counts.h:Change
     try_read_counts    src/page/ownership.h:try_read_counts, src/page/block_counts.h:read

   Left out: memory orders (comments beside the code say why a reader that sees a change sees its
   version); the block that a list begins with, which the code compares too; pages that are made
   and released, which are changes like the others.

   Runs
     safety                    every property, and no thread is stuck
     progress OPS=3 LOOKS=1    every run ends
   Wrong
     WRONG_NO_VERSION     live_of_one_moment     collecting is no change for readers
     WRONG_BEGIN_LATE     live_of_one_moment     the list is taken before the change begins
     WRONG_END_EARLY      live_of_one_moment     the change ends before the blocks are counted out
     WRONG_ONE_LOOK       live_of_one_moment     the reader does not look at the list a second time
     WRONG_LOOK_FIRST     live_of_one_moment     the reader looks at it twice before the word
     WRONG_KEEP_OPENLY    total_of_one_moment    keeping what was handed out is no change
*/

#ifndef OPS
#define OPS 4
#endif
#ifndef FREES
#define FREES 3
#endif
#ifndef LOOKS
#define LOOKS 2
#endif

#define REQUIRE(property, condition) assert((condition) || property)
bool live_of_one_moment, total_of_one_moment, counts_add_up; /* never set */

byte version, kept, remote; /* the page's history, and its remote list's length */
byte used, handed;          /* one word: read and written in one step */
byte held, total;           /* the truth */

inline begin_change() { version = version | 1 }
inline end_change() { version = (version | 1) + 1 }

inline hand_out() {
  d_step {
    used++;
    handed++;
    held++;
    total++
  }
}

inline free_local() {
  d_step {
    used--;
    held--
  }
}

inline push_remote() {
  d_step {
    remote++;
    held--
  }
}

inline collect_remote() {
#if !defined(WRONG_NO_VERSION) && !defined(WRONG_BEGIN_LATE)
  begin_change();
#endif
  d_step {
    taken = remote;
    remote = 0
  }
#ifdef WRONG_BEGIN_LATE
  begin_change();
#endif
#ifdef WRONG_END_EARLY
  end_change();
#endif
  used = used - taken;
  taken = 0;
#if !defined(WRONG_NO_VERSION) && !defined(WRONG_END_EARLY)
  end_change();
#endif
  REQUIRE(counts_add_up, used == held + remote)
}

inline keep_counts() {
#ifndef WRONG_KEEP_OPENLY
  begin_change();
#endif
  kept = kept + handed;
  handed = 0;
#ifndef WRONG_KEEP_OPENLY
  end_change();
#endif
}

active proctype owner() {
  byte ops, taken;
  do
  :: ops < OPS ->
     ops++;
     if
     :: hand_out()
     :: atomic { held > 0 -> free_local() }
     :: collect_remote()
     :: keep_counts()
     fi
  :: else -> break
  od
}

active proctype freer() {
  byte frees;
  do
  :: frees < FREES ->
     frees++;
     if
     :: atomic { held > 0 -> push_remote() }
     :: true
     fi
  :: else -> break
  od
}

inline try_read_counts() {
  seen_version = version;
  seen_kept = kept;
  before = remote;
#ifdef WRONG_LOOK_FIRST
  after = remote;
#endif
  d_step {
    seen_used = used;
    seen_handed = handed;
    true_held = held;
    true_total = total
  }
#ifndef WRONG_LOOK_FIRST
  after = remote;
#endif
#ifdef WRONG_ONE_LOOK
  before = after;
#endif
  accepted = (seen_version % 2 == 0 && seen_version == version && before == after)
}

active proctype reader() {
  byte looks, seen_version, seen_kept, before, after, seen_used, seen_handed, true_held, true_total;
  bool accepted;
  do
  :: looks < LOOKS && !accepted ->
     looks++;
     try_read_counts()
  :: else -> break
  od;
  REQUIRE(live_of_one_moment, !accepted || seen_used == true_held + after);
  REQUIRE(total_of_one_moment, !accepted || seen_kept + seen_handed == true_total)
}
