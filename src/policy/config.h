// The profiles: one constexpr value says what the allocator does beyond the plain way.
// The preprocessor only picks the profile; every branch is compiled in every profile.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ashlar {

enum class Profile : std::uint8_t { kRelease, kSecure, kDebug };

struct Config {
  Profile profile = Profile::kRelease;
  bool encode_links = false;          // free-list links are encoded with the page's keys
  bool pad_blocks = false;            // a canary and the request's size stand behind each block
  bool check_blocks = false;          // frees, reallocs and sizes look at it, and pops at links
  bool seal = false;                  // what the library calls and looks up by is read-only
  bool guard_pages = false;           // OS pages that nobody may touch stand behind pages
  bool shuffle_blocks = false;        // a page hands its fresh blocks out in random order
  bool random_pages = false;          // a page takes one of the next free places, at random
  bool stop_on_misuse = false;        // invalid and double frees end the program
  bool xmalloc = false;               // so does a request that gets no memory
  bool check_invariants = false;      // every room executes its check_ functions
  bool fill_blocks = false;           // blocks are filled when allocated and when freed
  bool note_sites = false;            // padding has room for where a block was allocated and freed
  bool random_addresses = true;       // arenas are placed at random addresses
  bool show_errors = false;           // the default of the option of that name
  unsigned classes_per_doubling = 4;  // size classes between two powers of two
  std::size_t extend_bytes = 4096;    // how much of a page a slow path makes usable at once
  std::uint8_t retire_visits = 16;    // slow paths that an empty page of a class is kept for
  std::uint8_t retire_visits_large = 4;  // the same, for pages of more than one slice
  std::uint32_t retire_pages = 8;  // empty pages that a thread of several keeps, of all classes
};

inline constexpr Config kRelease{};

inline constexpr Config kSecure{
    .profile = Profile::kSecure,
    .encode_links = true,
    .pad_blocks = true,
    .check_blocks = true,
    .seal = true,
    .guard_pages = true,
    .shuffle_blocks = true,
    .random_pages = true,
    .stop_on_misuse = true,
    // A page costs more to make: its blocks are put in order, its links encoded, its guard placed.
    .retire_visits = 64,
    .retire_visits_large = 16,
};

inline constexpr Config kDebug{
    .profile = Profile::kDebug,
    .encode_links = true,
    .pad_blocks = true,
    .check_blocks = true,
    .stop_on_misuse = true,
    .check_invariants = true,
    .fill_blocks = true,
    .note_sites = true,
    .random_addresses = false,
    .show_errors = true,
};

// The profile, for programs that do not look whether they got memory.
constexpr Config with_xmalloc(Config config) {
  config.xmalloc = true;
  return config;
}

#if defined(ASHLAR_PROFILE_SECURE)
inline constexpr Config kProfile = kSecure;
#elif defined(ASHLAR_PROFILE_DEBUG)
inline constexpr Config kProfile = kDebug;
#else
inline constexpr Config kProfile = kRelease;
#endif

#if defined(ASHLAR_XMALLOC)
inline constexpr Config kActive = with_xmalloc(kProfile);
#else
inline constexpr Config kActive = kProfile;
#endif

// Whether the library is built to be the malloc of its process.
#if defined(ASHLAR_OVERRIDE)
inline constexpr bool kOverridesMalloc = true;
#else
inline constexpr bool kOverridesMalloc = false;
#endif

// Whether the library is a guest that nobody is to notice: it reads no environment variable, prints
// nothing unless an output function is registered, and does nothing when the process ends.
#if defined(ASHLAR_QUIET)
inline constexpr bool kQuiet = true;
#else
inline constexpr bool kQuiet = false;
#endif

// The byte that a debug build fills blocks with: fresh ones, and freed ones; and what lies between
// the end of a request and the end of its block, in profiles that pad.
// A host that has bytes of its own for that chooses them when it builds the library.
#if !defined(ASHLAR_FILL_ALLOCATED)
#define ASHLAR_FILL_ALLOCATED 0xD0
#endif
#if !defined(ASHLAR_FILL_FREED)
#define ASHLAR_FILL_FREED 0xDF
#endif
#if !defined(ASHLAR_FILL_PADDING)
#define ASHLAR_FILL_PADDING 0xDE
#endif
inline constexpr unsigned char kFillAllocated = ASHLAR_FILL_ALLOCATED;
inline constexpr unsigned char kFillFreed = ASHLAR_FILL_FREED;
inline constexpr unsigned char kFillPadding = ASHLAR_FILL_PADDING;

static_assert(!kActive.pad_blocks || kActive.encode_links, "a canary is made of the link keys");
static_assert(!kActive.note_sites || kActive.pad_blocks, "sites are a part of the padding");
static_assert(!kActive.check_blocks || kActive.pad_blocks, "what is checked is the padding");

static_assert(kActive.classes_per_doubling == 4 || kActive.classes_per_doubling == 8,
              "the size class table is built for 4 or 8 classes a doubling");

}  // namespace ashlar
