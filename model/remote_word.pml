/* The page's remote word: who owns a page, and that no block and no page is lost when blocks are
   freed by other threads, pages change hands, and slices are used again for other pages.

   Bounds: SLICES slices (a page each), BLOCKS blocks a page, 2 size classes, THREADS threads that
   do OPS operations each (allocate, free any block, collect, hand over), chosen freely, and then
   end; and one more free each after that.

   Here                   There
     with, count_of       src/page/ownership.h:with, src/page/ownership.h:count
     push_remote          src/page/ownership.h:push_remote
     collect_page         src/page/ownership.h:collect_page, src/page/ownership.cc:collect_remote
     try_orphan           src/page/ownership.h:try_orphan
     try_own              src/page/ownership.h:try_own
     publish              src/heap/orphans.cc:publish, src/heap/orphans.cc:worth_publishing
     let_go               src/heap/orphans.cc:let_go
     take_over            src/heap/orphans.cc:take_over
     adopt_orphan         src/heap/orphans.cc:adopt_from, src/arena/hint_bitmap.h:find,
                          src/arena/hint_bitmap.h:clear
     orphan_all           src/heap/orphans.cc:let_go_of
     set_hint             src/arena/hint_bitmap.h:set
     forget_hint          src/heap/page_source.cc:forget_hint
     release_page         src/heap/page_source.cc:release_page
     acquire_page         src/heap/page_source.cc:acquire_page
     free_block           src/heap/thread_heap.h:free_block, src/heap/free.cc:free_other_slow
     free_local           src/heap/free.cc:free_local, src/heap/free.cc:page_empty_slow
     free_remote          src/heap/free.cc:free_remote
     allocate             src/heap/allocate.cc:find_page, src/heap/allocate.cc:make_room
     review_full          src/heap/allocate.cc:review_full
     collect_heap         src/heap/allocate.cc:collect_heap

   Left out: memory orders (steps here are in one order that all threads see). Heaps other than the
   main one (heap_delete.pml has them). Extending a page: all blocks are linked at once. free and
   local_free are one set, since only the owner sees them. A thread has at most one page of a class.
   Heuristics (queue limits, retirement) are free choices; a search follows one hint, as if
   kAdoptTries were 1. The look of has_remote_frees and the exchange of collect_remote are one step:
   where the look saw nothing, the step is at the look, else at the exchange. compare_exchange_weak
   does not fail without a reason.

   Runs
     safety                           every property, and no thread is stuck
     safety SLICES=2 THREADS=2        more slices, fewer threads
     progress OPS=1                   every run ends: a loop goes round only if others got on
     progress THREADS=2 OPS=3         the same, more operations, fewer threads
   Wrong
     WRONG_HINT_FIRST     room_has_a_hint         the hint is set before the page is let go
     WRONG_STORE          blocks_stay_in_place    the page is let go by a store, not by a CAS
     WRONG_NO_CLASS_CHECK class_is_as_asked       a hint is believed
     WRONG_READ_LATE      owner_alone_touches     a plain field is read after the page was let go
     WRONG_NO_COLLECT     non-progress            a failed try_orphan is tried again as it is */

#ifndef SLICES
#define SLICES 1
#endif
#ifndef BLOCKS
#define BLOCKS 2
#endif
#ifndef THREADS
#define THREADS 3
#endif
#ifndef OPS
#define OPS 2
#endif

/* The properties. Never set: pan prints the expression that fails, and so the property's name. */
hidden byte owner_alone_touches;  /* plain fields are used by the page's owner only */
hidden byte one_owner;            /* nobody comes to own a page that has an owner */
hidden byte word_is_sane;         /* the owner finds a list; free slices read as owned */
hidden byte blocks_stay_in_place; /* a block is in one place at a time, none is lost or doubled */
hidden byte class_is_as_asked;    /* a block comes from a page of its class */
hidden byte released_empty;       /* no page is released while a block of it lives */
hidden byte page_not_lost;        /* at the end every page is an orphan, or released */
hidden byte orphans_have_blocks;  /* and no empty page is kept as an orphan */
hidden byte room_has_a_hint;      /* and orphans with room can be found by their hints */
#define REQUIRE(property, condition) assert((condition) || property)

#define NOBODY 0
#define NO_BLOCK 255
#define ORPHAN 1 /* RemoteWord::kOrphan */

/* Where a block is; the proof's knowledge, which the code does not have. */
#define UNUSED 0 /* in the owner's lists */
#define LIVE 1   /* handed out; any thread may free it */
#define HELD 2   /* in the hands of the thread that frees it */
#define REMOTE 3 /* in the remote list */

typedef Page {
  byte word;         /* the remote word, laid out as RemoteList: first block + 1, count, orphan */
  byte owner;        /* the owner word */
  byte size_class;   /* plain fields from here on */
  byte used;
  bool set_aside;
  byte next[BLOCKS]; /* a block's link */
  byte at[BLOCKS];
  bool in_use;       /* the arena's bit: the slice is claimed */
  byte holder;       /* who may touch the plain fields; the proof's knowledge */
};
Page page[SLICES];
bool hint[SLICES * 2]; /* of a slice and a class */

#define HINT(s, c) hint[(s) * 2 + (c)]
#define count_of(value) (((value) % 16) / 2)
#define first_of(value) ((value) / 16 == 0 -> NO_BLOCK : (value) / 16 - 1)
#define with(value, block) (((block) + 1) * 16 + (count_of(value) + 1) * 2)

#define TOUCH(s) REQUIRE(owner_alone_touches, page[s].holder == me)

inline become_owner(s) {
  REQUIRE(one_owner, page[s].holder == NOBODY);
  page[s].holder = me
}

/* Ownership. */

inline push_remote(s, b) {
  d_step {
    seen = page[s].word;
    page[s].next[b] = first_of(seen)
  }
  do
  :: atomic {
       page[s].word == seen ->
       page[s].word = with(seen, b);
       page[s].at[b] = REMOTE;
       taken = (seen == ORPHAN);
       if
       :: taken -> become_owner(s)
       :: else
       fi;
       seen = 0;
       break
     }
  :: d_step {
       page[s].word != seen -> /* another thread's CAS succeeded; ours reads again */
       seen = page[s].word;
       page[s].next[b] = first_of(seen)
     }
  od
}

inline collect_page(s) {
  d_step {
    TOUCH(s);
    seen = page[s].word;
    REQUIRE(word_is_sane, seen != ORPHAN && count_of(seen) <= page[s].used);
    page[s].word = 0;
    link = first_of(seen);
    do
    :: count_of(seen) > 0 ->
       REQUIRE(blocks_stay_in_place, link < BLOCKS && page[s].at[link] == REMOTE);
       page[s].at[link] = UNUSED;
       page[s].used--;
       seen = seen - 2;
       link = page[s].next[link]
    :: else -> break
    od;
    REQUIRE(blocks_stay_in_place, link == NO_BLOCK);
    seen = 0;
    link = 0
  }
}

inline try_orphan(s) {
  atomic {
#ifdef WRONG_STORE
    if
    :: true ->
#else
    if
    :: page[s].word == 0 ->
#endif
       TOUCH(s);
       page[s].word = ORPHAN;
       page[s].holder = NOBODY;
       taken = true
    :: else -> taken = false
    fi
  }
}

inline try_own(s) {
  atomic {
    if
    :: page[s].word == ORPHAN ->
       page[s].word = 0;
       become_owner(s);
       taken = true
    :: else -> taken = false
    fi
  }
}

/* Pages: where they come from and go to. */

inline set_hint(s, c) { HINT(s, c) = true }

inline forget_hint(s) {
  d_step {
    TOUCH(s);
    HINT(s, page[s].size_class) = false
  }
}

inline acquire_page(s, c) {
  d_step {
    page[s].in_use = true; /* the claim; the caller found the slice free, in the same step */
    become_owner(s);
    REQUIRE(word_is_sane, page[s].word == 0);
    page[s].size_class = c;
    page[s].used = 0;
    page[s].owner = me
  }
}

inline release_page(s) {
  forget_hint(s);
  d_step {
    TOUCH(s);
    REQUIRE(word_is_sane, page[s].word == 0);
    do
    :: i < BLOCKS ->
       REQUIRE(released_empty, page[s].at[i] == UNUSED);
       page[s].next[i] = 0;
       i++
    :: else -> break
    od;
    i = 0;
    page[s].set_aside = false;
    page[s].owner = NOBODY;
    page[s].size_class = 0;
    page[s].holder = NOBODY;
    page[s].in_use = false
  }
}

/* Orphans. */

inline publish(s) {
  do
  :: collect_page(s);
#ifdef WRONG_NO_COLLECT
     again:
#endif
     if
     :: page[s].used == 0 ->
        release_page(s);
        break
     :: else ->
        d_step {
          TOUCH(s);
          room = page[s].used < BLOCKS;
          own_class = page[s].size_class
        }
#ifdef WRONG_HINT_FIRST
        if
        :: room -> set_hint(s, own_class)
        :: else
        fi;
#endif
        try_orphan(s);
        if
        :: taken ->
#ifdef WRONG_READ_LATE
           TOUCH(s);
#endif
#ifndef WRONG_HINT_FIRST
           if
           :: room -> set_hint(s, own_class)
           :: else
           fi;
#endif
           break
        :: else ->
#ifdef WRONG_NO_COLLECT
           goto again
#else
           skip
#endif
        fi
     fi
  od
}

inline let_go(s) {
  page[s].owner = NOBODY;
  publish(s)
}

inline adopt(s) {
  d_step {
    TOUCH(s);
    page[s].set_aside = false;
    page[s].owner = me
  }
}

inline take_over(s) {
  collect_page(s);
  if
  :: page[s].used == 0 || ended -> publish(s)
  :: else ->
     if
     :: publish(s) /* the heap has enough pages of the class */
     :: forget_hint(s);
        adopt(s)
     fi
  fi
}

/* Takes the lowest hint and follows it; s is SLICES where that gave no page. */
inline adopt_orphan(s, c) {
  d_step {
    s = 0;
    do
    :: s < SLICES && !HINT(s, c) -> s++
    :: else -> break
    od
  }
  if
  :: s < SLICES ->
     d_step {
       taken = HINT(s, c);
       HINT(s, c) = false
     }
     if
     :: taken -> try_own(s)
     :: else
     fi;
     if
     :: !taken -> s = SLICES
#ifndef WRONG_NO_CLASS_CHECK
     :: taken && page[s].size_class != c ->
        publish(s);
        s = SLICES
     :: taken && page[s].size_class == c ->
#else
     :: taken ->
#endif
        collect_page(s);
        adopt(s)
     fi
  :: else
  fi
}

/* Operations of a thread. */

inline pop_block(s, c) {
  d_step {
    TOUCH(s);
    REQUIRE(class_is_as_asked, page[s].size_class == c);
    do
    :: page[s].at[i] != UNUSED -> i++
    :: else -> break
    od;
    page[s].at[i] = LIVE;
    page[s].used++;
    i = 0
  }
}

inline review_full(s) {
  collect_page(s);
  if
  :: page[s].used == 0 -> release_page(s)
  :: page[s].used != 0 && page[s].used < BLOCKS -> page[s].set_aside = false
  :: else -> let_go(s)
  fi
}

inline allocate(c) {
  d_step { /* the first page of the queue */
    s = 0;
    do
    :: s < SLICES && !(page[s].owner == me && page[s].size_class == c && !page[s].set_aside) -> s++
    :: else -> break
    od
  }
  if
  :: s < SLICES ->
     collect_page(s);
     if
     :: page[s].used == BLOCKS ->
        page[s].set_aside = true;
        adopt_orphan(s, c)
     :: else
     fi
  :: else -> adopt_orphan(s, c)
  fi;
  if
  :: s == SLICES ->
     atomic {
       s = 0;
       do
       :: s < SLICES && page[s].in_use -> s++
       :: else -> break
       od;
       if
       :: s < SLICES -> acquire_page(s, c)
       :: else /* out of memory */
       fi
     }
  :: else
  fi;
  if
  :: s < SLICES && page[s].used == BLOCKS -> page[s].set_aside = true
  :: s < SLICES && page[s].used < BLOCKS -> pop_block(s, c)
  :: else
  fi
}

inline free_local(s, b) {
  d_step {
    TOUCH(s);
    page[s].at[b] = UNUSED;
    page[s].used--;
    page[s].set_aside = false
  }
  if
  :: page[s].used == 0 -> release_page(s)
  :: true /* kept, though empty, where it is */
  fi
}

inline free_remote(s, b) {
  push_remote(s, b);
  if
  :: taken -> take_over(s)
  :: else
  fi
}

/* Any live block: which thread got it does not matter to free. */
inline free_block() {
  atomic {
    select(s : 0 .. SLICES - 1);
    select(b : 0 .. BLOCKS - 1);
    if
    :: page[s].at[b] == LIVE -> page[s].at[b] = HELD
    :: else -> b = NO_BLOCK
    fi
  }
  if
  :: b == NO_BLOCK
  :: b != NO_BLOCK && page[s].owner == me -> free_local(s, b)
  :: b != NO_BLOCK && page[s].owner != me -> free_remote(s, b)
  fi
}

inline forget() {
  d_step {
    s = 0;
    b = 0;
    c = 0;
    own_class = 0;
    room = false;
    taken = false
  }
}

proctype thread(byte me) {
  byte s, b, c, seen, link, i, own_class, ops;
  bool taken, room, ended;
  do
  :: ops < OPS ->
     ops++;
     if
     :: select(c : 0 .. 1);
        allocate(c)
     :: free_block()
     :: select(s : 0 .. SLICES - 1);
        if
        :: page[s].owner == me && page[s].set_aside -> review_full(s)
        :: page[s].owner == me && !page[s].set_aside -> collect_page(s) /* collect_heap */
        :: else
        fi
     fi;
     forget()
  :: else -> break
  od;
  /* orphan_all */
  do
  :: s < SLICES ->
     if
     :: page[s].owner == me -> let_go(s)
     :: else
     fi;
     s++
  :: else -> break
  od;
  ended = true;
  forget();
  if
  :: free_block()
  :: true
  fi
}

init {
  byte s, i;
  atomic {
    do
    :: i < THREADS ->
       i++;
       run thread(i)
    :: else -> break
    od
  }
  _nr_pr == 1;
  d_step {
    do
    :: s < SLICES ->
       if
       :: page[s].in_use ->
          /* No thread is left: a page that is not an orphan belongs to nobody for ever. */
          REQUIRE(page_not_lost, page[s].word == ORPHAN && page[s].holder == NOBODY);
          REQUIRE(orphans_have_blocks, page[s].used > 0);
          REQUIRE(room_has_a_hint, page[s].used == BLOCKS || HINT(s, page[s].size_class));
          i = 0;
          do
          :: i < BLOCKS ->
             page[s].used = page[s].used - (page[s].at[i] == LIVE -> 1 : 0);
             REQUIRE(blocks_stay_in_place, page[s].at[i] == LIVE || page[s].at[i] == UNUSED);
             i++
          :: else -> break
          od;
          REQUIRE(blocks_stay_in_place, page[s].used == 0)
       :: else -> REQUIRE(word_is_sane, page[s].word == 0)
       fi;
       s++
    :: else -> break
    od
  }
}
