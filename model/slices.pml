/* The bitmaps of an arena: claims within a word and across words, releases and purges at once. No
   slice has two holders, none is lost, a purge touches only what it holds, free slices do not hide
   behind the summary, and the count of waiting slices is right.

   Bounds: WORDS words of BITS bits, of which slice 0 may be in use for ever, by choice; CLAIMERS
   threads that claim ROUNDS times 1 to 3 slices, alone or with headroom for one more, and release
   them, touched or not, or keep the last ones; PURGES calls of purge_waiting by one more thread;
   WORD_TRIES and RUN_TRIES for kWordTries and kRunTries.

   Here                  There
     set_full            src/arena/slice_claim.h:set_full
     clear_full          src/arena/slice_claim.h:clear_full
     claim_within_words  src/arena/slice_claim.h:claim_within_words,
                         src/arena/slice_claim.h:skip_full, src/arena/slice_claim.h:is_full
     find_run            src/arena/slice_claim.h:run_starts
     claim_across_words  src/arena/slice_claim.h:claim_across_words
     claim_at            src/arena/slice_claim.h:claim_at, src/arena/slice_claim.h:claim_mask
     claim_free_of       src/arena/slice_claim.h:claim_free_of
     release_run         src/arena/slice_claim.h:release
     mask_of             src/arena/slice_words.h:for_each_word
     claim               src/arena/arena.h:claim, src/arena/slice_claim.h:claim
     prepare             src/arena/arena.h:prepare
     release             src/arena/arena.h:release
     purge_waiting       src/arena/arena.h:purge_waiting
     purge_run           src/arena/arena.h:purge_batch

   Left out: memory orders, on which set_full and clear_full depend (their comments say how).
   Alignment. The bits committed, dirty and purged: like waiting they belong to who holds the slice,
   and holding is what is checked here. With two bits a word, a word's candidates are one run.

   Runs
     safety                               every property, and no thread is stuck
     safety CLAIMERS=3 WORDS=1 PURGES=0   three claims at once
     safety CLAIMERS=1 ROUNDS=2 PURGES=2  more purges
     progress                             every run ends: a loop goes round only if others got on
   Wrong
     WRONG_SET_BLINDLY     free_slices_are_seen   set_full does not look at the word again
     WRONG_LOOK_FIRST      free_slices_are_seen   release clears the summary if it was set before
     WRONG_NO_UNDO         slices_come_back       a claim that fails half way keeps what it has
     WRONG_PURGE_HELD      purge_holds_its_slices the purge takes all that waited, free or not
     WRONG_WAIT_LATE       waiting_adds_up        slices begin to wait after they were let go */

#ifndef WORDS
#define WORDS 2
#endif
#ifndef CLAIMERS
#define CLAIMERS 2
#endif
#ifndef ROUNDS
#define ROUNDS 1
#endif
#ifndef PURGES
#define PURGES 1
#endif
#define BITS 2
#define WORD_TRIES 2
#define RUN_TRIES 2

/* The properties. Never set: pan prints the expression that fails, and so the property's name. */
hidden byte one_holder;             /* no slice is claimed while somebody holds it */
hidden byte only_holder_releases;   /* nor released by anybody else */
hidden byte slices_come_back;       /* at the end just those slices are in use that are kept */
hidden byte free_slices_are_seen;   /* and no word with a free slice is called full */
hidden byte purge_holds_its_slices; /* the system's purge touches no slice of another holder */
hidden byte waiting_adds_up;        /* the count is never negative, and right at the end */
#define REQUIRE(property, condition) assert((condition) || property)

#define ALL ((1 << BITS) - 1)
#define SLICES (WORDS * BITS)
#define NOBODY 0
#define FOR_EVER 255

byte in_use[WORDS];
byte waiting[WORDS];
byte summary;        /* the summary: one bit a word, in one word */
short waiting_count;
byte holder[SLICES]; /* the proof's knowledge, as is */
byte kept[WORDS];    /* slices whose holders never release them */

#define bits_in(mask) (((mask) & 1) + (((mask) / 2) & 1))
#define trailing_zeros(value) ((value) == 0 -> BITS : ((value) & 1 -> 0 : 1))
#define leading_zeros(value) ((value) == 0 -> BITS : ((value) & 2 -> 0 : 1))
#define without(value, mask) ((value) & (ALL - (mask)))

/* Who holds which slices changes in the same step as the bits of in_use. */
inline change_holders(w, mask, from, to) {
  k = 0;
  do
  :: k < BITS ->
     if
     :: (mask >> k) & 1 ->
        if
        :: to == NOBODY -> REQUIRE(only_holder_releases, holder[w * BITS + k] == from)
        :: else -> REQUIRE(one_holder, holder[w * BITS + k] == from)
        fi;
        holder[w * BITS + k] = to
     :: else
     fi;
     k++
  :: else -> break
  od;
  k = 0
}

/* The summary. */

inline clear_full(w) { summary = summary & (255 - (1 << w)) }

inline set_full(w) {
  summary = summary | (1 << w);
#ifndef WRONG_SET_BLINDLY
  if
  :: in_use[w] != ALL -> clear_full(w)
  :: else
  fi
#endif
}

/* Runs: [from, from + n), word by word. mask is the part of the run in the word of `at`. */

inline mask_of(at, end) {
  w = at / BITS;
  mask = 0;
  k = at % BITS;
  do
  :: k < BITS && w * BITS + k < end ->
     mask = mask | (1 << k);
     k++
  :: else -> break
  od;
  k = 0
}

inline release_run(from, count) {
  end = from + count;
  at = from;
  do
  :: at < end ->
#ifdef WRONG_LOOK_FIRST
     d_step {
       mask_of(at, end);
       looked = (summary >> w) & 1
     }
#endif
     d_step {
       mask_of(at, end);
       change_holders(w, mask, me, NOBODY);
       in_use[w] = without(in_use[w], mask);
       at = (w + 1) * BITS
     }
#ifdef WRONG_LOOK_FIRST
     if
     :: looked -> clear_full(w)
     :: else
     fi
#else
     clear_full(w)
#endif
  :: else -> break
  od;
  atomic {
    at = 0;
    end = 0;
    mask = 0;
    w = 0
  }
}

/* Claims exactly [from, from + n), or nothing; `got` says which. */
inline claim_at(from, count) {
  end = from + count;
  at = from;
  got = true;
  do
  :: got && at < end ->
     d_step {
       mask_of(at, end);
       seen = in_use[w];
       tries = 0
     }
     do
     :: (seen & mask) != 0 || tries == WORD_TRIES ->
        got = false;
        break
     :: else ->
        d_step {
          taken = (in_use[w] == seen);
          if
          :: taken ->
             change_holders(w, mask, NOBODY, me);
             in_use[w] = seen | mask
          :: else ->
             seen = in_use[w];
             tries++
          fi
        }
        if
        :: taken ->
           if
           :: (seen | mask) == ALL -> set_full(w)
           :: else
           fi;
           at = (w + 1) * BITS;
           break
        :: else
        fi
     od
  :: else -> break
  od;
#ifndef WRONG_NO_UNDO
  if
  :: !got && at != from -> release_run(from, at - from)
  :: else
  fi;
#endif
  atomic {
    at = 0;
    end = 0;
    seen = 0;
    tries = 0;
    mask = 0;
    taken = false;
    w = 0
  }
}

/* The lowest bit of a word at which n clear bits begin; BITS if there is none. */
inline find_run(value, n) {
  low = BITS;
  if
  :: n == 1 && value != ALL -> low = value & 1
  :: n == BITS && value == 0 -> low = 0
  :: else
  fi
}

inline claim_within_words(n) {
  d_step { /* skip_full */
    word = 0;
    do
    :: word < WORDS && ((summary >> word) & 1) -> word++
    :: else -> break
    od
  }
  do
  :: !got && word < WORDS ->
     seen = in_use[word];
     tries = 0;
     do
     :: tries < WORD_TRIES ->
        d_step { find_run(seen, n) }
        if
        :: low == BITS -> break
        :: else
        fi;
        d_step {
          mask = ((1 << n) - 1) << low;
          got = (in_use[word] == seen);
          if
          :: got ->
             change_holders(word, mask, NOBODY, me);
             in_use[word] = seen | mask
          :: else ->
             seen = in_use[word];
             tries++
          fi
        }
        if
        :: got ->
           if
           :: (seen | mask) == ALL -> set_full(word)
           :: else
           fi;
           first = word * BITS + low;
           break
        :: else
        fi
     :: else -> break
     od;
     do /* the next word that is not full */
     :: word++;
        if
        :: word >= WORDS || !((summary >> word) & 1) -> break
        :: else
        fi
     od
  :: else -> break
  od;
  atomic {
    word = 0;
    seen = 0;
    tries = 0;
    low = 0;
    mask = 0
  }
}

inline claim_across_words(n) {
  do
  :: !got && word < WORDS && run_tries < RUN_TRIES ->
     d_step {
       word_seen = in_use[word];
       start = (length == 0 -> word * BITS : start);
       length = length + trailing_zeros(word_seen)
     }
     if
     :: length >= n ->
        run_tries++;
        claim_at(start, n);
        first = (got -> start : 0);
        length = 0
     :: length < n && word_seen != 0 ->
        length = leading_zeros(word_seen);
        start = (word + 1) * BITS - length
     :: else
     fi;
     word++
  :: else -> break
  od;
  atomic {
    word = 0;
    word_seen = 0;
    start = 0;
    length = 0;
    run_tries = 0
  }
}

/* The arena. */

inline prepare(from, count) {
  end = from + count;
  at = from;
  do
  :: at < end ->
     d_step {
       mask_of(at, end);
       waited = waited + bits_in(waiting[w] & mask);
       waiting[w] = without(waiting[w], mask);
       at = (w + 1) * BITS
     }
  :: else -> break
  od;
  waiting_count = waiting_count - waited;
  d_step {
    REQUIRE(waiting_adds_up, waiting_count >= 0);
    waited = 0;
    at = 0;
    end = 0;
    mask = 0;
    w = 0
  }
}

inline claim(n, headroom) {
  if
  :: n + headroom <= BITS -> claim_within_words(n + headroom)
  :: else
  fi;
  if
  :: !got && n + headroom > 1 -> claim_across_words(n + headroom)
  :: else
  fi;
  if
  :: got && headroom > 0 -> release_run(first + n, headroom)
  :: else
  fi;
  if
  :: got -> prepare(first, n)
  :: else
  fi
}

inline release(from, count, touched) {
#ifdef WRONG_WAIT_LATE
  release_run(from, count);
#endif
  end = from + touched;
  at = from;
  do
  :: at < end ->
     d_step {
       mask_of(at, end);
       waiting[w] = waiting[w] | mask;
       at = (w + 1) * BITS
     }
  :: else -> break
  od;
  waiting_count = waiting_count + touched;
#ifndef WRONG_WAIT_LATE
  release_run(from, count);
#endif
  atomic {
    at = 0;
    end = 0;
    mask = 0;
    w = 0
  }
}

/* For ever: what is never released must not hide what is. */
inline keep(from, count) {
  end = from + count;
  at = from;
  do
  :: at < end ->
     mask_of(at, end);
     kept[w] = kept[w] | mask;
     at = (w + 1) * BITS
  :: else -> break
  od;
  at = 0;
  end = 0;
  mask = 0;
  w = 0
}

proctype claimer(byte me) {
  byte n, headroom, first, rounds;
  byte word, seen, low, tries, run_tries, word_seen, start, length;
  byte at, end, w, mask, k, waited;
  bool got, taken, looked;
  do
  :: rounds < ROUNDS ->
     rounds++;
     atomic {
       select(n : 1 .. 3);
       select(headroom : 0 .. 1)
     }
     claim(n, headroom);
     if
     :: got -> release(first, n, n)
     :: got -> release(first, n, 0)
     :: got && rounds == ROUNDS -> d_step { keep(first, n) }
     :: !got
     fi;
     d_step {
       got = false;
       first = 0;
       n = 0;
       headroom = 0
     }
  :: else -> break
  od
}

inline claim_free_of(w, mask) {
  ours = without(mask, in_use[w]);
  change_holders(w, ours, NOBODY, me);
#ifdef WRONG_PURGE_HELD
  ours = mask;
#endif
  in_use[w] = in_use[w] | mask
}

inline purge_run(w, mask) {
  d_step { /* the system's purge */
    do
    :: k < BITS ->
       REQUIRE(purge_holds_its_slices, !((mask >> k) & 1) || holder[w * BITS + k] == me);
       k++
    :: else -> break
    od;
    k = 0
  }
  d_step {
    waited = bits_in(waiting[w] & mask);
    waiting[w] = without(waiting[w], mask)
  }
  waiting_count = waiting_count - waited;
  d_step {
    REQUIRE(waiting_adds_up, waiting_count >= 0);
    change_holders(w, mask, me, NOBODY);
    in_use[w] = without(in_use[w], mask)
  }
  clear_full(w)
}

inline purge_waiting() {
  if
  :: waiting_count == 0
  :: waiting_count != 0 ->
     word = WORDS;
     do
     :: word > 0 ->
        word--;
        candidates = waiting[word];
        if
        :: candidates == 0
        :: candidates != 0 ->
           d_step { claim_free_of(word, candidates) }
           if
           :: ours != 0 -> purge_run(word, ours)
           :: else
           fi
        fi;
        d_step {
          candidates = 0;
          ours = 0;
          waited = 0
        }
     :: else -> break
     od
  fi
}

proctype purger(byte me) {
  byte purges, word, candidates, ours, waited, k;
  do
  :: purges < PURGES ->
     purges++;
     purge_waiting()
  :: else -> break
  od
}

init {
  byte i;
  atomic {
    if
    :: in_use[0] = 1;
       holder[0] = FOR_EVER;
       kept[0] = 1
    :: true
    fi;
    do
    :: i < CLAIMERS ->
       i++;
       run claimer(i)
    :: else -> break
    od;
    run purger(CLAIMERS + 1);
    i = 0
  }
  _nr_pr == 1;
  atomic {
    do
    :: i < WORDS ->
       REQUIRE(slices_come_back, in_use[i] == kept[i]);
       REQUIRE(free_slices_are_seen, in_use[i] == ALL || !((summary >> i) & 1));
       waiting_count = waiting_count - bits_in(waiting[i]);
       i++
    :: else -> break
    od;
    REQUIRE(waiting_adds_up, waiting_count == 0)
  }
}
