/* Pages as heap_delete.pml needs them: the protocol of remote_word.pml, where a list is its length,
   and pages have homes. Not a model by itself. */

#define ORPHAN 1 /* RemoteWord::kOrphan */
#define HUGE 3   /* RemoteWord::kHuge */

typedef Page {
  byte word;   /* 0: owned; ORPHAN; HUGE; else twice the length of the list */
  byte owner;  /* the owner word */
  byte home;   /* written by the owner, or of a huge page by the walk; read by all */
  byte used;   /* plain: the owner's */
  bool hint;   /* the arena's: an orphan with room may be here */
  bool in_use; /* the arena's: the slices are claimed */
  byte live;   /* blocks that the program has; the proof's knowledge, as is */
  byte holder; /* who may touch the plain fields */
};
Page page[PAGES];

#define TOUCH(s) REQUIRE(owner_alone_touches, page[s].holder == me)

inline become_owner(s) {
  REQUIRE(one_owner, page[s].holder == NOBODY);
  page[s].holder = me
}

/* Ownership, as in remote_word.pml. */

inline push_remote(s) {
  atomic {
    taken = (page[s].word == ORPHAN);
    if
    :: taken ->
       page[s].word = 2;
       become_owner(s)
    :: else -> page[s].word = page[s].word + 2
    fi
  }
}

inline collect_page(s) {
  d_step {
    TOUCH(s);
    REQUIRE(word_is_sane, page[s].word % 2 == 0 && page[s].word / 2 <= page[s].used);
    page[s].used = page[s].used - page[s].word / 2;
    page[s].word = 0
  }
}

inline try_orphan(s) {
  atomic {
    taken = (page[s].word == 0);
    if
    :: taken ->
       page[s].word = ORPHAN;
       page[s].holder = NOBODY
    :: else
    fi
  }
}

inline try_own(s) {
  atomic {
    taken = (page[s].word == ORPHAN);
    if
    :: taken ->
       page[s].word = 0;
       become_owner(s)
    :: else
    fi
  }
}

/* Pages: where they come from and go to. */

inline release_slices(s) {
  d_step {
    REQUIRE(released_empty, page[s].live == 0 && page[s].word == 0);
    page[s].owner = NOBODY;
    page[s].holder = NOBODY;
    page[s].used = 0;
    page[s].in_use = false
  }
}

inline take_home_out(s) {
  d_step {
    TOUCH(s);
    old_home = page[s].home;
#ifndef WRONG_STALE_HOME
    page[s].home = NO_HEAP
#endif
  }
}

inline release_page(s) {
  page[s].hint = false;
  take_home_out(s);
  release_slices(s);
  note_page_gone(old_home)
}

/* release_page again: what it does for a huge page. */
inline free_huge(s) {
  take_home_out(s);
  note_unowned(old_home, -1);
  page[s].word = 0;
  release_slices(s);
  note_page_gone(old_home)
}

/* The caller claimed the slices. Nobody can free into a page before its block is handed out, but a
   walk may come by. */

inline acquire_page(s, its_home) {
  page[s].home = its_home;
  note_page_made(its_home);
  d_step {
    page[s].used = 1;
    page[s].live = 1;
    page[s].owner = me
  }
}

inline acquire_huge(s, its_home) {
  page[s].home = its_home;
  page[s].word = HUGE;
  note_unowned(its_home, 1);
  note_page_made(its_home);
  d_step {
    page[s].used = 1;
    page[s].live = 1;
    page[s].holder = NOBODY
  }
}

/* Orphans. */

inline publish(s) {
  do
  :: settle_page(s);
     collect_page(s);
     if
     :: page[s].used == 0 ->
        note_unowned(page[s].home, -1);
        release_page(s);
        break
     :: else ->
        d_step {
          TOUCH(s);
          home_seen = page[s].home;
          room = page[s].used < BLOCKS
        }
        try_orphan(s);
        if
        :: taken ->
           if
           :: room -> page[s].hint = true
           :: else
           fi;
           room = false;
#ifdef WRONG_NO_LOOK
           break
#else
           if
           :: home_seen == HEAP -> look_at_record()
           :: else -> break
           fi;
           if
           :: looked -> try_own(s)
           :: else -> break
           fi;
           if
           :: taken ->
#ifdef WRONG_OLD_HOME
              note_unowned(home_seen, -1);
              change_home(s)
#else
              skip
#endif
           :: else -> break
           fi
#endif
        :: else
        fi
     fi
  od;
  atomic {
    home_seen = 0;
    looked = false;
    taken = false
  }
}

inline let_go(s) {
#ifdef WRONG_COUNT_LATE
  late_home = page[s].home;
  page[s].owner = NOBODY;
  publish(s);
  note_unowned(late_home, 1);
  late_home = NO_HEAP
#else
  d_step {
    page[s].owner = NOBODY; /* of no use to others: no id of theirs */
    note_unowned(page[s].home, 1)
  }
  publish(s)
#endif
}

inline adopt(s) {
  d_step {
    page[s].owner = me;
    note_unowned(page[s].home, -1)
  }
}

/* Whether the thread's queue has room for the page is a free choice. */
inline take_over(s) {
  settle_page(s);
  collect_page(s);
  if
  :: page[s].used != 0 && !ended && (page[s].home == MAIN || has_part[me]) ->
     d_step {
       TOUCH(s);
       page[s].hint = false
     }
     adopt(s)
  :: publish(s)
  fi
}

/* For the main heap: the hints in their order. s is PAGES where none gave a page. */
inline adopt_orphan(s) {
  do
  :: s < PAGES ->
     d_step { /* find leaves the hint where it is */
       do
       :: s < PAGES && !page[s].hint -> s++
       :: else -> break
       od
     }
     if
     :: s == PAGES -> break
     :: else
     fi;
     if
     :: page[s].home == MAIN ->
        d_step {
          taken = page[s].hint;
          page[s].hint = false
        }
        if
        :: taken -> try_own(s)
        :: else
        fi
     :: else -> taken = false
     fi;
     if
     :: !taken
#ifdef WRONG_HOME_SEEN
     :: taken ->
#else
     :: taken && page[s].home != MAIN -> publish(s)
     :: taken && page[s].home == MAIN ->
#endif
        REQUIRE(home_is_as_asked, page[s].home == MAIN);
        collect_page(s);
        adopt(s);
        break
     fi;
     s++
  :: else -> break
  od
}
