/* Deleting a heap while other threads free its blocks: each page of it moves to the main heap or
   is released, and its record is freed once, by whoever drops the last reference to it.

   Bounds: PAGES places for pages, BLOCKS blocks a page, two heaps (the main one and the one that
   is deleted), three threads: the deleter, one that has a thread heap of the heap too and owns a
   page of it (place 0), and one that knows only the main heap. The second page of the heap
   (place 1) is, by choice, the deleter's, an orphan, or a huge block's. Each thread does OPS
   operations (free any block; slow path of malloc on the main heap), chosen freely, and ends; the
   deleter deletes at any time before its end. At last what is left is adopted and freed.

   Here                 There
     drop               src/heap/heap.cc:drop_reference
     set_home           src/heap/heap.cc:set_home
     settle             src/heap/heap.cc:settle
     move_deleted_heaps src/heap/heap.cc:move_deleted_heaps
     delete_heap        src/heap/heap.cc:delete_heap
     push_remote        src/page/ownership.h:push_remote
     collect_page       src/page/ownership.h:collect_page
     try_orphan         src/page/ownership.h:try_orphan
     try_own            src/page/ownership.h:try_own
     publish            src/heap/orphans.cc:publish
     let_go             src/heap/orphans.cc:let_go
     take_over          src/heap/orphans.cc:take_over
     adopt_orphan       src/heap/orphans.cc:adopt_orphan
     end_thread         src/heap/orphans.cc:orphan_all, src/heap/thread_life.cc:end_thread
     release_page       src/heap/page_source.cc:release_page
     acquire_page       src/heap/page_source.cc:acquire_page
     acquire_huge       src/heap/huge.cc:allocate_huge
     free_huge          src/heap/huge.cc:free_huge
     free_block         src/heap/free.cc:free_other_slow
     slow_path          src/heap/allocate.cc:beat, src/heap/allocate.cc:find_page

   Left out: memory orders; size classes and the lists of remote frees (remote_word.pml has them;
   here a list is its length); allocation from the heap itself, which is over when it is deleted
   (that is the caller's duty); how the deleter finds the other thread heaps, and that their
   records are still there (one step here: it holds the lock of their list). Two deletions share
   nothing but the main heap's references and the attention flag, which is taken back before the
   heaps are looked at. Where heap_pages.pml gives a page two shared fields, home and is_huge, the
   walk reads them of pages that others may be making or releasing: in the code, atomics.

   Runs
     safety                   every property, and no thread is stuck
     safety OPS=2 BLOCKS=1    more operations, smaller pages
     progress BLOCKS=1        every run ends: a loop goes round only if others got on
   Wrong
     WRONG_ONE_LOOK       record_is_there         the walk does not look again at the page it won
     WRONG_STALE_HOME     references_add_up       release_page leaves the home where it was
     WRONG_HUGE_STORE     record_is_there         a huge page's home is changed without a CAS
     WRONG_NO_SETTLE      main_heap_gets_it       who comes to own a page leaves it to its heap
     WRONG_COUNT_LATE     main_heap_stays         a reference is counted after others can drop it
     HOPE_WALK_FINDS_ALL  no_deleted_home         not so: a page that somebody holds for a moment
                                                  escapes the walk; whoever owns it next settles it */

#ifndef PAGES
#define PAGES 2
#endif
#ifndef BLOCKS
#define BLOCKS 2
#endif
#ifndef OPS
#define OPS 1
#endif

/* The properties. Never set: pan prints the expression that fails, and so the property's name. */
hidden byte owner_alone_touches; /* plain fields of a page are used by its owner only */
hidden byte one_owner;           /* nobody comes to own a page that has an owner, or a huge one */
hidden byte word_is_sane;        /* the owner finds a list no longer than the blocks in use */
hidden byte released_empty;      /* no slices are released while a block in them lives */
hidden byte page_not_lost;       /* at the end all blocks are in pages that can be found */
hidden byte record_is_there;     /* a heap's record is not used after it was freed */
hidden byte nothing_refers;      /* nor freed before the handle and all thread heaps are gone */
hidden byte references_add_up;   /* a heap's references are its pages, thread heaps and handle */
hidden byte main_heap_stays;     /* the main heap's references never reach zero */
hidden byte main_heap_gets_it;   /* pages with room serve the main heap, once one asks */
hidden byte all_is_released;     /* when all blocks are freed, all pages and the record are gone */
hidden byte no_deleted_home;     /* see HOPE_WALK_FINDS_ALL */
#define REQUIRE(property, condition) assert((condition) || property)

#define NOBODY 0
#define DELETER 1
#define OWNER 2
#define STRANGER 3
#define LAST 4 /* init, when all threads are gone */

#define NO_HEAP 0
#define MAIN 1
#define HEAP 2

typedef Heap {
  byte references;
  bool is_deleted;
  bool is_freed;
};
Heap heap[3];

#include "heap_pages.pml"

bool has_thread_heap[LAST + 1]; /* of HEAP; each thread has one of the main heap */
bool attention[LAST + 1];

/* References. */

inline count_homes(heap_id) {
  j = 0;
  homes = 0;
  do
  :: j < PAGES ->
     homes = homes + (page[j].in_use && page[j].home == heap_id -> 1 : 0);
     j++
  :: else -> break
  od;
  j = 0
}

inline drop(heap_id) {
  d_step {
    REQUIRE(record_is_there, !heap[heap_id].is_freed);
    REQUIRE(references_add_up, heap[heap_id].references > 0);
    heap[heap_id].references--;
    if
    :: heap[heap_id].references == 0 ->
       REQUIRE(main_heap_stays, heap_id != MAIN);
       count_homes(heap_id);
       REQUIRE(references_add_up, homes == 0);
       homes = 0;
       REQUIRE(nothing_refers, !has_thread_heap[OWNER] && !has_thread_heap[DELETER]);
       REQUIRE(nothing_refers, heap[heap_id].is_deleted);
       heap[heap_id].is_freed = true
    :: else
    fi
  }
}

/* Moves a page of the caller's to the main heap, and its reference with it. */
inline set_home(s) {
  heap[MAIN].references++;
  d_step {
    TOUCH(s);
    old_home = page[s].home;
    page[s].home = MAIN
  }
  drop(old_home)
}

/* Whoever comes to own a page makes sure that its heap is one that lives. */
inline settle(s) {
#ifdef WRONG_NO_SETTLE
  skip
#else
  d_step {
    TOUCH(s);
    REQUIRE(record_is_there, !heap[page[s].home].is_freed);
    moves = heap[page[s].home].is_deleted
  }
  if
  :: moves -> set_home(s)
  :: else
  fi
#endif
}

/* Heaps. */

/* Moves all pages of the caller's thread heap of HEAP into its thread heap of the main heap, and
   lets go of the former. */
inline move_pages() {
  i = 0;
  do
  :: i < PAGES ->
     if
     :: page[i].owner == me && page[i].home == HEAP -> set_home(i)
     :: else
     fi;
     i++
  :: else -> break
  od;
  i = 0;
  has_thread_heap[me] = false;
  drop(HEAP)
}

inline move_deleted_heaps() {
  if
  :: attention[me] ->
     attention[me] = false;
     REQUIRE(record_is_there, !heap[HEAP].is_freed);
     if
     :: heap[HEAP].is_deleted -> move_pages()
     :: else
     fi
  :: else
  fi
}

inline move_huge(s) {
  if
  :: page[s].home == HEAP ->
#ifndef WRONG_COUNT_LATE
     heap[MAIN].references++;
#endif
#ifdef WRONG_HUGE_STORE
     page[s].home = MAIN;
     drop(HEAP)
#else
     d_step {
       taken = (page[s].home == HEAP);
       if
       :: taken -> page[s].home = MAIN
       :: else
       fi
     }
     if
     :: taken ->
#ifdef WRONG_COUNT_LATE
        heap[MAIN].references++;
#endif
        drop(HEAP)
     :: else ->
#ifndef WRONG_COUNT_LATE
        drop(MAIN)
#else
        skip
#endif
     fi
#endif
  :: else
  fi
}

inline delete_heap() {
  heap[HEAP].is_deleted = true;
  move_pages();
  d_step {
    attention[OWNER] = has_thread_heap[OWNER]
  }
  s = 0;
  do
  :: s < PAGES ->
     if
     :: page[s].is_huge -> move_huge(s)
     :: else ->
        if
        :: page[s].home == HEAP ->
           try_own(s);
           if
           :: taken ->
#ifndef WRONG_ONE_LOOK
              if
              :: page[s].home == HEAP -> set_home(s)
              :: else
              fi;
#else
              heap[MAIN].references++;
              page[s].home = MAIN;
              drop(HEAP);
#endif
              publish(s)
           :: else
           fi
        :: else
        fi
     fi;
     s++
  :: else -> break
  od;
  drop(HEAP) /* the handle's */
}

/* Operations of a thread. */

/* Any live block: which thread got it does not matter to free. */
inline free_block() {
  atomic {
    select(s : 0 .. PAGES - 1);
    if
    :: page[s].live > 0 ->
       page[s].live--;
       goes = true
    :: else
    fi
  }
  if
  :: !goes
  :: goes && page[s].is_huge -> free_huge(s)
  :: goes && !page[s].is_huge && page[s].owner == me ->
     page[s].used--;
     TOUCH(s);
     if
     :: page[s].used == 0 -> release_page(s)
     :: true
     fi
  :: goes && !page[s].is_huge && page[s].owner != me ->
     push_remote(s);
     if
     :: taken -> take_over(s)
     :: else
     fi
  fi
}

inline slow_path() {
  move_deleted_heaps();
  adopt_orphan(s);
  if
  :: s == PAGES ->
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
     :: s < PAGES -> acquire_page(s)
     :: s < PAGES -> acquire_huge(s)
     :: s == PAGES
     fi
  :: else
  fi
}

inline end_thread() {
  move_deleted_heaps();
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
  ended = true;
  if
  :: has_thread_heap[me] ->
     has_thread_heap[me] = false;
     drop(HEAP)
  :: else
  fi
}

inline forget() {
  d_step {
    s = 0;
    old_home = 0;
    taken = false;
    room = false;
    moves = false;
    goes = false
  }
}

proctype thread(byte me) {
  byte s, i, j, homes, old_home, ops;
  bool taken, room, moves, goes, ended, has_deleted;
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
  :: ops == OPS && (me != DELETER || has_deleted) -> break
  od;
  end_thread();
  forget()
}

inline make_page_of_heap(s, its_owner) {
  page[s].in_use = true;
  page[s].home = HEAP;
  heap[HEAP].references++;
  page[s].owner = its_owner;
  page[s].holder = its_owner;
  page[s].used = BLOCKS;
  page[s].live = BLOCKS
}

/* What the counts must be when nothing is under way. */
inline check_all() {
  d_step {
    s = 0;
    do
    :: s < PAGES ->
       if
       :: page[s].in_use ->
          REQUIRE(page_not_lost, page[s].holder == NOBODY && page[s].live == page[s].used);
          REQUIRE(page_not_lost, page[s].live > 0);
          REQUIRE(page_not_lost, page[s].word == (page[s].is_huge -> 0 : ORPHAN));
          REQUIRE(page_not_lost, page[s].is_huge || page[s].used == BLOCKS || page[s].hint);
          REQUIRE(record_is_there, !heap[page[s].home].is_freed);
#ifdef HOPE_WALK_FINDS_ALL
          REQUIRE(no_deleted_home, page[s].home == MAIN);
#endif
          REQUIRE(page_not_lost, page[s].home == MAIN || !page[s].is_huge)
       :: else
       fi;
       s++
    :: else -> break
    od;
    s = 0;
    count_homes(HEAP);
    REQUIRE(references_add_up, heap[HEAP].references == homes);
    REQUIRE(references_add_up, heap[HEAP].is_freed == (homes == 0));
    count_homes(MAIN);
    REQUIRE(references_add_up, heap[MAIN].references == homes + 1);
    homes = 0
  }
}

init {
  byte me = LAST;
  byte s, i, j, homes, old_home;
  bool taken, room, moves, goes, ended;
  atomic {
    heap[MAIN].references = 1;
    heap[HEAP].references = 3; /* the handle, two thread heaps */
    has_thread_heap[DELETER] = true;
    has_thread_heap[OWNER] = true;
    make_page_of_heap(0, OWNER);
    if
    :: make_page_of_heap(1, NOBODY);
       page[1].is_huge = true;
       page[1].used = 1;
       page[1].live = 1
    :: make_page_of_heap(1, NOBODY);
       page[1].word = ORPHAN
    :: make_page_of_heap(1, DELETER)
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
        adopt_orphan(s);
        i++
     :: else -> break
     od;
     atomic {
       i = 0;
       do
       :: i < PAGES ->
          REQUIRE(main_heap_gets_it, page[i].owner == LAST || page[i].is_huge ||
                                     page[i].used == BLOCKS || !page[i].in_use);
          i++
       :: else -> break
       od;
       i = 0
     }
  :: true
  fi;
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
    od;
    REQUIRE(all_is_released, heap[HEAP].is_freed && heap[MAIN].references == 1)
  }
}
