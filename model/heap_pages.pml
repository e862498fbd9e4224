/* Pages as heap_delete.pml needs them: the protocol of remote_word.pml, where a list is its length,
   and pages have homes. Not a model by itself. */

#define ORPHAN 1 /* RemoteWord::kOrphan */

typedef Page {
  byte word;    /* 0: owned; ORPHAN; else twice the length of the list */
  byte owner;   /* the owner word */
  byte home;    /* read by the deleter's walk, whoever owns the page */
  bool is_huge; /* the same */
  byte used;    /* plain: the owner's */
  bool hint;    /* the arena's: an orphan with room may be here */
  bool in_use;  /* the arena's: the slices are claimed */
  byte live;    /* blocks that the program has; the proof's knowledge, as is */
  byte holder;  /* who may touch the plain fields */
};
Page page[PAGES];

#define TOUCH(s) REQUIRE(owner_alone_touches, page[s].holder == me)

inline become_owner(s) {
  REQUIRE(one_owner, page[s].holder == NOBODY && !page[s].is_huge);
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
    REQUIRE(word_is_sane, page[s].word != ORPHAN && page[s].word / 2 <= page[s].used);
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

inline release_page(s) {
  d_step {
    TOUCH(s);
    page[s].hint = false;
    old_home = page[s].home;
#ifndef WRONG_STALE_HOME
    page[s].home = NO_HEAP
#endif
  }
  drop(old_home);
  release_slices(s)
}

inline free_huge(s) {
  d_step {
    old_home = page[s].home;
    page[s].home = NO_HEAP
  }
  drop(old_home);
  release_slices(s)
}

/* Fresh pages belong to the main heap. Their fields are written one by one, in the order that is
   worst for a walk that comes by. The caller claimed the slices. */

inline acquire_page(s) {
  page[s].is_huge = false;
  heap[MAIN].references++;
  page[s].home = MAIN;
  d_step {
    page[s].used = 1;
    page[s].live = 1;
    page[s].owner = me
  }
}

inline acquire_huge(s) {
  page[s].is_huge = true;
  heap[MAIN].references++;
  page[s].home = MAIN;
  d_step {
    page[s].used = 1;
    page[s].live = 1;
    page[s].holder = NOBODY
  }
}

/* Orphans. */

inline publish(s) {
  do
  :: collect_page(s);
     if
     :: page[s].used == 0 ->
        release_page(s);
        break
     :: else ->
        room = page[s].used < BLOCKS;
        try_orphan(s);
        if
        :: taken ->
           if
           :: room -> page[s].hint = true
           :: else
           fi;
           break
        :: else
        fi
     fi
  od
}

inline let_go(s) {
  page[s].owner = NOBODY;
  publish(s)
}

inline take_over(s) {
  collect_page(s);
  settle(s);
  if
  :: page[s].used != 0 && !ended && (page[s].home == MAIN || has_thread_heap[me]) ->
     if
     :: publish(s)
     :: d_step {
          TOUCH(s);
          page[s].hint = false;
          page[s].owner = me
        }
     fi
  :: else -> publish(s)
  fi
}

/* For the main heap. */
inline adopt_orphan(s) {
  atomic {
    s = 0;
    do
    :: s < PAGES && !page[s].hint -> s++
    :: else -> break
    od;
    if
    :: s < PAGES -> page[s].hint = false
    :: else
    fi
  }
  if
  :: s < PAGES ->
     try_own(s);
     if
     :: taken ->
        settle(s);
        if
        :: page[s].home == MAIN ->
           collect_page(s);
           page[s].owner = me
        :: else ->
           publish(s);
           s = PAGES
        fi
     :: else -> s = PAGES
     fi
  :: else
  fi
}
