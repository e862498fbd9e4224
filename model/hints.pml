/* The hint bitmap: no hint is hidden for good behind the summary, whoever sets, clears and forgets
   at the same time, and each hint is cleared once.

   Bounds: WORDS words of 2 bits, one summary word; SETTERS threads that set SETS hints each, of any
   slice; TAKERS threads that look TAKES times for a hint, from any slice on, and clear what they
   find, or leave it (it is a page's of another heap) and look behind it.

   Here              There
     set             src/arena/hint_bitmap.h:set
     clear           src/arena/hint_bitmap.h:clear
     find            src/arena/hint_bitmap.h:find
     find_in         src/arena/hint_bitmap.h:find_in
     take            src/heap/orphans.cc:adopt_from
     forget_if_empty src/arena/hint_bitmap.h:forget_if_empty

   Left out: memory orders, on which forget_if_empty depends (its comments say how). Summaries of
   more than one word: each word of a summary is used as if it were alone.

   Runs
     safety                       every property, and no thread is stuck
     safety WORDS=2 SETS=1        more words, fewer hints
     progress WORDS=2 SETS=1 TAKES=1  every run ends: a loop goes round only if others got on
   Wrong
     WRONG_SUMMARY_FIRST  hints_are_seen          set writes the summary before the word
     WRONG_FORGET_BLINDLY hints_are_seen          forget_if_empty does not look at the word again
     WRONG_NO_MASK        found_in_order          find_in looks at its whole first word
     WRONG_TAKE_SEEN      taken_once              a hint is cleared because it was found */

#ifndef WORDS
#define WORDS 1
#endif
#ifndef SETS
#define SETS 2
#endif
#ifndef TAKES
#define TAKES 2
#endif
#define BITS 2
#define SETTERS 2
#define TAKERS 2

/* The properties. Never set: pan prints the expression that fails, and so the property's name. */
hidden byte hints_are_seen; /* at the end no word with a hint is hidden by the summary */
hidden byte taken_once;     /* who clears a hint clears one that was set and not cleared since */
hidden byte found_in_order; /* what is found lies where it was looked for */
#define REQUIRE(property, condition) assert((condition) || property)

byte word[WORDS];
byte summary;
byte hints[WORDS * BITS]; /* how often a hint was set anew and not cleared; the proof's knowledge */

inline set(slice) {
#ifdef WRONG_SUMMARY_FIRST
  summary = summary | (1 << (slice / BITS));
#endif
  d_step {
    hints[slice] = 1;
    word[slice / BITS] = word[slice / BITS] | (1 << (slice % BITS))
  }
#ifndef WRONG_SUMMARY_FIRST
  summary = summary | (1 << (slice / BITS))
#endif
}

inline forget_if_empty(index) {
  summary = summary & (255 - (1 << index));
#ifndef WRONG_FORGET_BLINDLY
  if
  :: word[index] != 0 -> summary = summary | (1 << index)
  :: else
  fi
#endif
}

/* Whether the hint was set, and this call cleared it. */
inline clear(slice) {
  d_step {
#ifdef WRONG_TAKE_SEEN
    got = true;
#else
    got = (word[slice / BITS] >> (slice % BITS)) & 1;
#endif
    word[slice / BITS] = word[slice / BITS] & (255 - (1 << (slice % BITS)));
    if
    :: got ->
       REQUIRE(taken_once, hints[slice] == 1);
       hints[slice] = 0
    :: else
    fi
  }
}

/* Whether the word has a hint at or behind `slice`, which is that hint then. */
inline find_in(index) {
  bits = word[index];
  if
  :: bits == 0 -> forget_if_empty(index)
  :: else ->
     d_step {
#ifndef WRONG_NO_MASK
       low = (index == slice / BITS -> slice % BITS : 0);
#endif
       do
       :: low < BITS && !((bits >> low) & 1) -> low++
       :: else -> break
       od;
       found = (low < BITS);
       slice = (found -> index * BITS + low : slice);
       low = 0
     }
  fi;
  bits = 0
}

/* The lowest hint at or behind `slice`, which it is then; `found` says whether there is one. */
inline find() {
  index = slice / BITS;
  found = false;
  do
  :: index < WORDS && !found ->
     d_step {
       any = summary >> index;
       do
       :: any != 0 && !(any & 1) ->
          any = any >> 1;
          index++
       :: else -> break
       od;
       index = (any == 0 -> WORDS : index);
       any = 0
     }
     if
     :: index < WORDS ->
        find_in(index);
        index++
     :: else
     fi
  :: else -> break
  od;
  index = 0
}

inline take() {
  do
  :: !got && slice < WORDS * BITS ->
     from = slice;
     find();
     REQUIRE(found_in_order, !found || (slice >= from && slice < WORDS * BITS));
     from = 0;
     if
     :: found -> clear(slice)
     :: found /* another heap's */
     :: else -> break
     fi;
     slice++
  :: else -> break
  od;
  atomic {
    slice = 0;
    got = false;
    found = false
  }
}

proctype setter() {
  byte slice, sets;
  do
  :: sets < SETS ->
     sets++;
     select(slice : 0 .. WORDS * BITS - 1);
     set(slice)
  :: else -> break
  od
}

proctype taker() {
  byte slice, from, index, bits, low, any, takes;
  bool found, got;
  do
  :: takes < TAKES ->
     takes++;
     select(slice : 0 .. WORDS * BITS - 1);
     take()
  :: else -> break
  od
}

init {
  byte i;
  atomic {
    do
    :: i < SETTERS ->
       i++;
       run setter()
    :: else -> break
    od;
    i = 0;
    do
    :: i < TAKERS ->
       i++;
       run taker()
    :: else -> break
    od;
    i = 0
  }
  _nr_pr == 1;
  atomic {
    do
    :: i < WORDS ->
       REQUIRE(hints_are_seen, word[i] == 0 || ((summary >> i) & 1));
       i++
    :: else -> break
    od
  }
}
