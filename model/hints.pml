/* The hint bitmap: no hint is hidden for good behind the summary, whoever sets, takes and forgets
   at the same time, and each hint is taken once.

   Bounds: WORDS words of 2 bits, one summary word; SETTERS threads that set SETS hints each, of any
   slice; TAKERS threads that look TAKES times for a hint, from any slice on.

   Here              There
     set             src/arena/hint_bitmap.h:set
     clear           src/arena/hint_bitmap.h:clear
     take            src/arena/hint_bitmap.h:take
     take_from       src/arena/hint_bitmap.h:take_from
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
     WRONG_TAKE_SEEN      taken_once              a hint is taken because it was seen to be set */

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
hidden byte taken_once;     /* who takes a hint takes one that was set and not taken since */
#define REQUIRE(property, condition) assert((condition) || property)

byte word[WORDS];
byte summary;
byte hints[WORDS * BITS]; /* how often a hint was set anew and not taken; the proof's knowledge */

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

inline take_from(index) {
  seen = word[index];
  if
  :: seen == 0 -> forget_if_empty(index)
  :: else ->
     do
     :: low < BITS && !got ->
        if
        :: (seen >> low) & 1 && index * BITS + low >= from -> clear((index * BITS + low))
        :: else
        fi;
        low++
     :: else -> break
     od
  fi;
  atomic {
    low = 0;
    seen = 0
  }
}

/* The lowest hint at or after `from`; `got` says whether there was one. */
inline take() {
  index = from / BITS;
  do
  :: index < WORDS && !got ->
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
        take_from(index);
        index++
     :: else
     fi
  :: else -> break
  od;
  atomic {
    index = 0;
    got = false;
    from = 0
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
  byte from, index, seen, low, any, takes;
  bool got;
  do
  :: takes < TAKES ->
     takes++;
     select(from : 0 .. WORDS * BITS - 1);
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
