/* Held pages: an empty page stays until the goal is reached that the host gave after the last free,
   whoever owns the page by then; it is found by who polls, and released once.

   Bounds: one page at a time, BLOCKS blocks, THREADS attached threads that do OPS operations each
   (allocate, free any block, collect, poll, abandon, or say that all goals are reached), chosen
   freely, and then abandon and end; and one more free each after that.

   Here                   There
     push_remote          src/page/ownership.h:push_remote
     collect_page         src/page/ownership.h:collect_page
     try_orphan           src/page/ownership.h:try_orphan
     try_own              src/page/ownership.h:try_own
     is_standing          src/heap/hold.h:is_standing
     ask                  src/heap/hold.cc:ask
     keep_held            src/heap/hold.cc:keep_held_slow
     keep_held_orphan     src/heap/hold.cc:keep_held_orphan_slow
     forget_held          src/heap/hold.cc:forget_held_slow
     leave_to_realm       src/heap/hold.cc:leave_held_to_realm
     poll_own             src/heap/hold.cc:poll_held, src/heap/hold.cc:release_held_upto
     poll_unowned         src/heap/hold.cc:poll_unowned, src/heap/hold.cc:take_upto
     release_page         src/heap/page_source.cc:release_page
     publish              src/heap/orphans.cc:publish
     abandon              src/heap/attachment.cc:abandon_page
     adopt_orphan         src/heap/orphans.cc:adopt_from, src/heap/orphans.cc:adopt
     free_local           src/heap/free.cc:free_local, src/heap/free.cc:page_empty_slow
     free_remote          src/heap/free.cc:free_remote

   Left out: what remote_word.pml shows (lists of blocks, hints, classes). The host always holds. A
   reader is whoever the goal is for: it may read a block from its free on, until a goal is reached
   that was given afterwards; `last_free` is the proof's knowledge of when that was. The realm's list
   has one page, so its order does not matter.

   Runs
     safety                           every property, and no thread is stuck
     safety THREADS=3 OPS=2 BLOCKS=1  more threads, fewer operations
     progress                         every run ends
   Wrong
     WRONG_NO_LOOK        held_until_goal     a page that is empty again keeps its goal, since nobody
                                              looks whether it has handed a block out
     WRONG_NO_TRY_OWN     owner_alone_touches the realm's poll takes a page by the list alone
     WRONG_INSERT_LATE    owner_alone_touches an orphan is listed after it was let go
     WRONG_STAYS_LISTED   list_is_sane        who adopts a page leaves it in the list */

#ifndef BLOCKS
#define BLOCKS 2
#endif
#ifndef THREADS
#define THREADS 2
#endif
#ifndef OPS
#define OPS 4
#endif

/* The properties. Never set: pan prints the expression that fails, and so the property's name. */
hidden byte owner_alone_touches; /* plain fields are used by the page's owner only */
hidden byte one_owner;           /* nobody comes to own a page that has an owner */
hidden byte list_is_sane;        /* a page is entered in the realm's list once, and taken out once */
hidden byte released_empty;      /* no page is released while a block of it lives */
hidden byte held_until_goal;     /* or while somebody may read a block that was freed in it */
hidden byte empty_is_listed;     /* at the end an empty orphan stands in the realm's list */
hidden byte page_not_lost;       /* and a page that is there is an orphan */
#define REQUIRE(property, condition) assert((condition) || property)

#define NOBODY 0
#define NO_BLOCK 255
#define ORPHAN 1 /* RemoteWord::kOrphan; a list of n blocks is 2 * n here */

/* Where a block is; the proof's knowledge. */
#define UNUSED 0
#define LIVE 1
#define IN_HAND 2 /* of the thread that frees it */
#define REMOTE 3

#define NOT_HELD 0
#define OWNERS 1
#define REALMS 2

byte word;
byte owner;
byte used;         /* plain fields from here on */
byte handed_out;
byte seen;         /* what was handed out when the goal was given */
byte goal;
byte held_in;
byte at[BLOCKS];
bool in_use;       /* there is a page */
byte holder;       /* who may touch the plain fields; the proof's knowledge */
byte last_free;    /* when a block was given up last; the proof's knowledge */

bool listed;       /* in the realm's list; guarded by the lock */
bool locked;       /* embedding_lock() */
byte clock;        /* the host's sequence numbers */
byte reached;

#define TOUCH REQUIRE(owner_alone_touches, holder == me)
#ifdef WRONG_NO_LOOK
#define is_standing (used == 0)
#else
#define is_standing (used == 0 && handed_out == seen)
#endif

inline become_owner() {
  REQUIRE(one_owner, holder == NOBODY);
  holder = me
}

inline lock() {
  atomic {
    !locked ->
    locked = true
  }
}

/* Ownership. */

inline push_remote(b) {
  atomic {
    taken = (word == ORPHAN);
    at[b] = REMOTE;
    if
    :: taken ->
       word = 2;
       become_owner()
    :: else -> word = word + 2
    fi
  }
}

inline collect_page() {
  d_step {
    TOUCH;
    i = 0;
    do
    :: i < BLOCKS ->
       if
       :: at[i] == REMOTE ->
          at[i] = UNUSED;
          used--
       :: else
       fi;
       i++
    :: else -> break
    od;
    i = 0;
    word = 0
  }
}

inline try_orphan() {
  atomic {
    if
    :: word == 0 ->
       TOUCH;
       word = ORPHAN;
       holder = NOBODY;
       taken = true
    :: else -> taken = false
    fi
  }
}

inline try_own() {
  atomic {
    if
    :: word == ORPHAN ->
       word = 0;
       become_owner();
       taken = true
    :: else -> taken = false
    fi
  }
}

/* Holds. */

inline ask() {
  clock++;
  goal = clock;
  seen = handed_out
}

inline keep_held() {
  d_step {
    TOUCH;
    if
    :: held_in == OWNERS && is_standing
    :: else ->
       ask();
       held_in = OWNERS
    fi
  }
}

inline enter_list() {
  lock();
  d_step {
    TOUCH;
    REQUIRE(list_is_sane, !listed);
    listed = true;
    held_in = REALMS
  }
  locked = false
}

inline forget_held() {
  if
  :: held_in == REALMS ->
     lock();
     d_step {
       TOUCH;
       REQUIRE(list_is_sane, listed);
#ifndef WRONG_STAYS_LISTED
       listed = false;
#endif
       held_in = NOT_HELD
     }
     locked = false
  :: else ->
     d_step {
       TOUCH;
       held_in = NOT_HELD
     }
  fi
}

inline leave_to_realm() {
  d_step {
    TOUCH;
    held_in = NOT_HELD
  }
  enter_list()
}

inline keep_held_orphan() {
  if
  :: held_in == REALMS && is_standing
  :: else ->
     forget_held();
     d_step {
       TOUCH;
       ask()
     }
#ifndef WRONG_INSERT_LATE
     enter_list()
#endif
  fi
}

inline release_page() {
  d_step {
    TOUCH;
    i = 0;
    do
    :: i < BLOCKS ->
       REQUIRE(released_empty, at[i] == UNUSED);
       i++
    :: else -> break
    od;
    i = 0;
    REQUIRE(list_is_sane, !listed);
    REQUIRE(held_until_goal, last_free < reached);
    held_in = NOT_HELD;
    owner = NOBODY;
    handed_out = 0;
    seen = 0;
    goal = 0;
    last_free = 0;
    word = 0;
    holder = NOBODY;
    in_use = false
  }
}

/* A page whose goal was cancelled is asked about anew where it is empty again. */
inline poll_own() {
  if
  :: held_in == OWNERS ->
     if
     :: is_standing && goal <= reached -> release_page()
     :: is_standing && goal > reached
     :: !is_standing ->
        d_step {
          TOUCH;
          held_in = NOT_HELD
        }
        if
        :: used == 0 -> keep_held()
        :: else
        fi
     fi
  :: else
  fi
}

inline poll_unowned() {
  lock();
  if
  :: listed && goal <= reached ->
#ifdef WRONG_NO_TRY_OWN
     taken = true;
#else
     try_own();
#endif
     if
     :: taken ->
        d_step {
          TOUCH;
          listed = false;
          held_in = NOT_HELD
        }
     :: else
     fi
  :: else -> taken = false
  fi;
  locked = false;
  if
  :: taken -> release_page()
  :: else
  fi
}

/* Orphans. */

inline publish() {
  do
  :: collect_page();
     was_empty = (used == 0);
     if
     :: was_empty -> keep_held_orphan()
     :: else
     fi;
     try_orphan();
     if
     :: taken ->
#ifdef WRONG_INSERT_LATE
        if
        :: was_empty -> enter_list()
        :: else
        fi;
#endif
        break
     :: else
     fi
  od;
  skip
}

inline abandon() {
  if
  :: owner == me ->
     collect_page();
     if
     :: used == 0 ->
        keep_held();
        leave_to_realm()
     :: else -> forget_held()
     fi;
     owner = NOBODY;
     publish()
  :: else
  fi
}

inline adopt_orphan() {
  try_own();
  if
  :: taken ->
     collect_page();
     forget_held();
     owner = me
  :: else
  fi
}

/* Operations. */

inline allocate() {
  if
  :: owner == me
  :: else ->
     adopt_orphan();
     poll_unowned();
     atomic {
       if
       :: !in_use ->
          in_use = true;
          become_owner();
          owner = me
       :: else
       fi
     }
  fi;
  if
  :: owner == me ->
     collect_page();
     d_step {
       TOUCH;
       i = 0;
       do
       :: i < BLOCKS && at[i] != UNUSED -> i++
       :: else -> break
       od;
       if
       :: i < BLOCKS ->
          at[i] = LIVE;
          used++;
          handed_out++
       :: else
       fi;
       i = 0
     }
  :: else
  fi
}

inline free_local(b) {
  d_step {
    TOUCH;
    at[b] = UNUSED;
    used--
  }
  if
  :: used == 0 -> keep_held()
  :: else
  fi
}

inline free_remote(b) {
  push_remote(b);
  if
  :: taken -> publish() /* take_over: the page stays nobody's */
  :: else
  fi
}

inline free_block() {
  atomic {
    select(b : 0 .. BLOCKS - 1);
    if
    :: at[b] == LIVE ->
       at[b] = IN_HAND;
       last_free = clock
    :: else -> b = NO_BLOCK
    fi
  }
  if
  :: b == NO_BLOCK
  :: b != NO_BLOCK && owner == me -> free_local(b)
  :: b != NO_BLOCK && owner != me -> free_remote(b)
  fi;
  b = 0
}

proctype thread(byte me) {
  byte b, i, ops;
  bool taken, was_empty;
  do
  :: ops < OPS ->
     ops++;
     if
     :: true -> allocate()
     :: free_block()
     :: owner == me ->
        collect_page();
        if
        :: used == 0 -> keep_held()
        :: else
        fi
     :: owner == me -> collect_page() /* a visit folds, and asks nothing */
     :: owner == me -> poll_own()
     :: poll_unowned()
     :: true -> abandon()
     :: reached = clock
     fi;
     d_step {
       taken = false;
       was_empty = false
     }
  :: else -> break
  od;
  skip;
  abandon();
  d_step {
    taken = false;
    was_empty = false
  }
  if
  :: free_block()
  :: true
  fi
}

init {
  byte i;
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
    if
    :: in_use ->
       REQUIRE(page_not_lost, word == ORPHAN && holder == NOBODY);
       REQUIRE(empty_is_listed, (used == 0) == listed)
    :: else -> REQUIRE(list_is_sane, !listed)
    fi
  }
}
