/* Deleting a heap while other threads free its blocks: each page of it moves to the main heap or
   is released, and its record is given back once, by whoever drops the last reference to it, and
   used again for another heap.

   Bounds: PAGES places for pages, BLOCKS blocks a page, two heaps (the main one and the one that
   is deleted), three threads: the deleter, one that has a part of the heap too and owns a page of
   it (place 0, full), and one that knows only the main heap. The second page of the heap (place 1,
   one block) is, by choice, the deleter's, an orphan, or a huge block's. Each thread does OPS
   operations (free any block; slow path of malloc on the main heap), chosen freely, and ends; the
   deleter deletes at any time before its end. Once the record was given back, the deleter may make
   another heap of it, with a page or a huge block, and delete that: REUSES times. At last what is
   left is adopted and freed.

   Here                 There
     drop               src/heap/heap.cc:drop_reference
     note_page_gone     src/heap/heap.cc:note_page_gone
     note_page_made     src/heap/heap.cc:note_page_made
     note_unowned       src/heap/heap.cc:note_unowned, src/heap/orphans.cc:note_adopted
     look_at_record     src/heap/heap.cc:is_deleted
     change_home        src/heap/heap.cc:change_home
     settle_page        src/heap/heap.cc:settle_page
     move_pages         src/heap/heap.cc:move_pages
     settle_thread      src/heap/heap.cc:settle_thread, src/heap/heap.cc:leave_heap,
                        src/heap/heap.cc:drop_thread_heap
     move_unowned       src/heap/heap.cc:move_unowned, src/heap/page_source.h:for_each_page_entry
     delete_heap        src/heap/heap.cc:delete_heap, src/heap/heap.cc:mark
     make_heap          src/heap/heap.cc:make_heap, src/heap/heap.cc:part_of
     push_remote        src/page/ownership.h:push_remote
     collect_page       src/page/ownership.h:collect_page
     try_orphan         src/page/ownership.h:try_orphan
     try_own            src/page/ownership.h:try_own
     publish            src/heap/orphans.cc:publish
     let_go             src/heap/orphans.cc:let_go
     adopt              src/heap/orphans.cc:adopt
     take_over          src/heap/orphans.cc:take_over
     adopt_orphan       src/heap/orphans.cc:adopt_from
     end_thread         src/heap/thread_life.cc:give_back, src/heap/orphans.cc:let_go_of
     release_page       src/heap/page_source.cc:release_page, src/page/ownership.h:clear_remote
     free_huge          src/heap/huge.cc:free_huge, src/heap/page_source.cc:release_page
     acquire_page       src/heap/page_source.cc:acquire_page
     acquire_huge       src/heap/huge.cc:enter_huge, src/page/ownership.h:mark_huge
     free_block         src/heap/free.cc:free_other_slow
     slow_path          src/heap/allocate.cc:part_for, src/heap/allocate.cc:find_page

   Left out: memory orders (comments beside the code say why one of deleter and owner sees the
   other); size classes and the lists of remote frees (remote_word.pml has them; here a list is its
   length); allocation from a heap that is being deleted (the caller's duty); the late heap, which
   is one more thread's; pages that lie in no arena, whose walk holds a lock; memory that is short;
   destroy_heap. The look of publish needs no reference to the record: where the record was given
   back, look_at_record finds either answer, as a heap that uses it by then may live or be deleted.

   Runs
     safety                      every property, and no thread is stuck
     progress BLOCKS=1 REUSES=0  every run ends: a loop goes round only if others got on; and every
                                 property, where pages are full
   Wrong
     WRONG_NO_LOOK        no_deleted_home         publish does not look at the heap a second time
     WRONG_OLD_HOME       unowned_adds_up         and where it does, moves the page it won as one
                                                  of the heap that it looked at
     WRONG_COUNT_LATE     no_deleted_home         let_go counts the page after it is an orphan
     WRONG_ONE_LOOK       unowned_adds_up         the walk does not look again at the page it won
     WRONG_STALE_HOME     unowned_adds_up         release_page leaves the home where it was
     WRONG_HUGE_STORE     unowned_adds_up         a huge page's home is changed without a CAS
     WRONG_HOME_SEEN      home_is_as_asked        who adopts believes the home it saw with the
                                                  hint, before the page was its own */

#ifndef PAGES
#define PAGES 2
#endif
#ifndef BLOCKS
#define BLOCKS 2
#endif
#ifndef OPS
#define OPS 1
#endif
#ifndef REUSES
#define REUSES 1
#endif

/* The properties. Never set: pan prints the expression that fails, and so the property's name. */
hidden byte owner_alone_touches; /* plain fields of a page are used by its owner only */
hidden byte one_owner;           /* nobody comes to own a page that has an owner, or a huge one */
hidden byte word_is_sane;        /* the owner finds a list no longer than the blocks in use */
hidden byte released_empty;      /* no slices are released while a block in them lives */
hidden byte page_not_lost;       /* at the end all blocks are in pages that can be found */
hidden byte record_is_there;     /* a heap's record is not used after it was given back */
hidden byte nothing_refers;      /* nor given back before the handle and all parts are gone */
hidden byte references_add_up;   /* a heap's references are its pages, its parts and the handle */
hidden byte unowned_adds_up;     /* and no more of its pages are unowned than were counted */
hidden byte home_is_as_asked;    /* who adopts a page for the main heap gets one of it */
hidden byte no_deleted_home;     /* at the end no page is left with a heap that was deleted */
hidden byte main_heap_gets_it;   /* pages with room serve the main heap, once one asks */
hidden byte all_is_released;     /* when all blocks are freed, all pages and the record are gone */
#define REQUIRE(property, condition) assert((condition) || property)

#define NOBODY 0
#define DELETER 1
#define OWNER 2
#define STRANGER 3
#define LAST 4 /* init, when all threads are gone */

#define NO_HEAP 0
#define MAIN 1
#define HEAP 2

/* The record of HEAP; the main heap is never deleted, and nothing of it is counted. */
byte references;
byte unowned;
bool deleted;
bool given_back;

#include "heap_pages.pml"

bool has_part[LAST + 1]; /* of HEAP; each thread has one of the main heap */
bool listed[LAST + 1];   /* the part is in the heap's list, where the deleter finds it */
bool attention[LAST + 1];

/* References. In a d_step; as all that counts. */

inline drop() {
  REQUIRE(record_is_there, !given_back);
  REQUIRE(references_add_up, references > 0);
  references--;
  if
  :: references == 0 ->
     do
     :: j < PAGES ->
        REQUIRE(references_add_up, page[j].home != HEAP || !page[j].in_use);
        j++
     :: else -> break
     od;
     j = 0;
     REQUIRE(unowned_adds_up, unowned == 0);
     REQUIRE(nothing_refers, deleted && !has_part[OWNER] && !has_part[DELETER]);
     given_back = true
  :: else
  fi
}

inline note_page_gone(which) {
  d_step {
    if
    :: which == HEAP -> drop()
    :: else
    fi;
    old_home = 0
  }
}

inline note_page_made(which) {
  if
  :: which == HEAP -> references++
  :: else
  fi
}

inline note_unowned(which, change) {
  if
  :: which == HEAP ->
     d_step {
#ifndef WRONG_COUNT_LATE
       REQUIRE(record_is_there, !given_back);
       REQUIRE(unowned_adds_up, unowned + change >= 0);
#endif
       unowned = unowned + change
     }
  :: else
  fi
}

/* Without a reference: the record may be that of another heap by now, or be about to. */
inline look_at_record() {
  if
  :: looked = deleted
  :: given_back -> looked = false
  fi
}

/* Of a page of the caller's; the reference goes with it. */
inline change_home(s) {
  d_step {
    TOUCH(s);
    page[s].home = MAIN
  }
  d_step { drop() }
}

/* Whoever comes to own an orphan makes sure that its heap is one that lives. */
inline settle_page(s) {
  d_step {
    TOUCH(s);
    REQUIRE(record_is_there, page[s].home != HEAP || !given_back);
    looked = (page[s].home == HEAP && deleted)
  }
  if
  :: looked ->
     looked = false;
     note_unowned(HEAP, -1);
     change_home(s)
  :: else
  fi
}

/* Heaps. */

inline move_pages() {
  i = 0;
  do
  :: i < PAGES ->
     if
     :: page[i].owner == me && page[i].home == HEAP && page[i].used == 0 -> release_page(i)
     :: page[i].owner == me && page[i].home == HEAP && page[i].used > 0 -> change_home(i)
     :: else
     fi;
     i++
  :: else -> break
  od;
  i = 0
}

inline settle_thread() {
  attention[me] = false;
  if
  :: has_part[me] && deleted ->
     listed[me] = false;
     move_pages();
     d_step {
       has_part[me] = false;
       drop()
     }
  :: else
  fi
}

inline move_huge(s) {
#ifdef WRONG_HUGE_STORE
  taken = true;
  page[s].home = MAIN;
#else
  d_step {
    taken = (page[s].home == HEAP);
    page[s].home = (taken -> MAIN : page[s].home)
  }
#endif
  if
  :: taken ->
     note_unowned(HEAP, -1);
     d_step { drop() }
  :: else
  fi
}

inline move_unowned() {
  s = 0;
  do
  :: s < PAGES ->
     if
     :: page[s].home == HEAP ->
        if
        :: page[s].word == HUGE -> move_huge(s)
        :: else ->
           try_own(s);
           if
           :: taken ->
#ifdef WRONG_ONE_LOOK
              note_unowned(HEAP, -1);
              change_home(s);
#endif
              publish(s)
           :: else
           fi
        fi
     :: else
     fi;
     s++
  :: else -> break
  od
}

inline delete_heap() {
  deleted = true; /* mark, and then the parts in the list */
  d_step {
    attention[OWNER] = listed[OWNER];
    attention[DELETER] = listed[DELETER]
  }
  settle_thread();
  if
  :: unowned != 0 -> move_unowned()
  :: else
  fi;
  s = 0;
  d_step { drop() } /* the handle's */
}

/* Operations of a thread. */

inline acquire(its_home) {
  atomic {
    s = 0;
    do
    :: s < PAGES && page[s].in_use -> s++
    :: else -> break
    od;
    if
    :: s < PAGES ->
       page[s].in_use = true;
       page[s].holder = me
    :: else
    fi
  }
  if
  :: s < PAGES -> acquire_page(s, its_home)
  :: s < PAGES -> acquire_huge(s, its_home)
  :: s == PAGES
  fi
}

/* The record is used again, by a thread that has a part of the new heap and a page of it. */
inline make_heap() {
  d_step {
    given_back = false;
    references = 1;
    unowned = 0
  }
  deleted = false;
  d_step {
    references++;
    has_part[me] = true;
    listed[me] = true
  }
  acquire(HEAP);
  if
  :: s < PAGES && page[s].owner == me -> let_go(s)
  :: true
  fi
}

/* Any live block: which thread got it does not matter to free. */
inline free_block() {
  atomic {
    select(s : 0 .. PAGES - 1);
    if
    :: page[s].live > 0 ->
       page[s].live--;
       goes = true;
       if
       :: page[s].word == HUGE -> become_owner(s)
       :: else
       fi
    :: else
    fi
  }
  if
  :: !goes
  :: goes && page[s].word == HUGE -> free_huge(s)
  :: goes && page[s].word != HUGE && page[s].owner == me ->
     page[s].used--;
     TOUCH(s);
     if
     :: page[s].used == 0 -> release_page(s)
     :: true
     fi
  :: goes && page[s].word != HUGE && page[s].owner != me ->
     push_remote(s);
     if
     :: taken -> take_over(s)
     :: else
     fi
  fi
}

inline slow_path() {
  if
  :: attention[me] -> settle_thread()
  :: else
  fi;
  s = 0;
  adopt_orphan(s);
  if
  :: s == PAGES -> acquire(MAIN)
  :: else
  fi
}

inline end_thread() {
  ended = true;
  listed[me] = false; /* leave_heap: from now on the deleter does not tell us */
  s = 0;
  do
  :: s < PAGES ->
     if
     :: page[s].owner == me -> let_go(s)
     :: else
     fi;
     s++
  :: else -> break
  od;
  if
  :: has_part[me] ->
     d_step {
       has_part[me] = false;
       drop()
     }
  :: else
  fi
}

inline forget() {
  d_step {
    s = 0;
    old_home = 0;
    home_seen = 0;
    taken = false;
    room = false;
    looked = false;
    goes = false
  }
}

proctype thread(byte me) {
  byte s, i, j, old_home, home_seen, late_home, ops, reuses;
  bool taken, room, looked, goes, ended, has_deleted;
  do
  :: ops < OPS ->
     ops++;
     if
     :: free_block()
     :: slow_path()
     fi;
     forget()
  :: me == DELETER && !has_deleted ->
     has_deleted = true;
     delete_heap();
     forget()
  :: me == DELETER && has_deleted && reuses < REUSES && given_back ->
     reuses++;
     has_deleted = false;
     make_heap();
     forget()
  :: ops == OPS && (me != DELETER || has_deleted) -> break
  od;
  end_thread();
  forget()
}

inline make_page_of_heap(s, its_owner, blocks) {
  page[s].in_use = true;
  page[s].home = HEAP;
  references++;
  page[s].owner = its_owner;
  page[s].holder = its_owner;
  page[s].used = blocks;
  page[s].live = blocks
}

/* What must hold when nothing is under way. */
inline check_all() {
  d_step {
    s = 0;
    do
    :: s < PAGES ->
       if
       :: page[s].in_use ->
          REQUIRE(page_not_lost, page[s].holder == NOBODY && page[s].live == page[s].used);
          REQUIRE(page_not_lost, page[s].live > 0);
          REQUIRE(page_not_lost, page[s].word == ORPHAN || page[s].word == HUGE);
          REQUIRE(page_not_lost, page[s].word == HUGE || page[s].used == BLOCKS || page[s].hint);
          REQUIRE(no_deleted_home, page[s].home == MAIN)
       :: else -> REQUIRE(word_is_sane, page[s].word == 0)
       fi;
       s++
    :: else -> break
    od;
    s = 0;
    REQUIRE(references_add_up, references == 0 && given_back)
  }
}

init {
  byte me = LAST;
  byte s, i, j, old_home, home_seen, late_home;
  bool taken, room, looked, goes, ended;
  atomic {
    references = 3; /* the handle, two parts */
    has_part[DELETER] = true;
    has_part[OWNER] = true;
    listed[DELETER] = true;
    listed[OWNER] = true;
    make_page_of_heap(0, OWNER, BLOCKS);
    if
    :: make_page_of_heap(1, NOBODY, 1);
       page[1].word = HUGE;
       unowned = 1
    :: make_page_of_heap(1, NOBODY, 1);
       page[1].word = ORPHAN;
       page[1].hint = (BLOCKS > 1);
       unowned = 1
    :: make_page_of_heap(1, DELETER, 1)
    fi;
    run thread(DELETER);
    run thread(OWNER);
    run thread(STRANGER)
  }
  _nr_pr == 1;
  check_all();
  /* Somebody comes along: whatever page has room serves the main heap. */
  if
  :: do
     :: i < PAGES ->
        s = 0;
        adopt_orphan(s);
        i++
     :: else -> break
     od;
     atomic {
       i = 0;
       do
       :: i < PAGES ->
          REQUIRE(main_heap_gets_it, page[i].owner == LAST || page[i].word == HUGE ||
                                     page[i].used == BLOCKS || !page[i].in_use);
          i++
       :: else -> break
       od;
       i = 0
     }
  :: true
  fi;
  forget();
  do
  :: page[i].live > 0 ->
     free_block();
     forget()
  :: page[i].live == 0 && i + 1 < PAGES -> i++
  :: page[i].live == 0 && i + 1 == PAGES -> break
  od;
  i = 0;
  end_thread();
  atomic {
    do
    :: i < PAGES ->
       REQUIRE(all_is_released, !page[i].in_use);
       i++
    :: else -> break
    od
  }
}
