// When pages are hollowed (page/hollow.h): what is free in pages with few blocks goes back as well.
#pragma once

#include <cstdint>

namespace ashlar {

struct Realm;
struct ThreadHeap;

// Which pages: all, or those that no block was handed out from since the last call of this kind,
// and where something was freed since they were last hollowed.
enum class Hollowing : std::uint8_t { kIdle, kAll };

// Hollows pages in the queues of all parts of the calling thread, which were collected. Linear in
// their free blocks; kIdle skips pages by a look at their counts.
void hollow_parts(ThreadHeap* backing, Hollowing which);

// Hollows idle pages of the thread, and idle orphans of its realm, if it is time: once in a second,
// the orphans by one thread of all, and so seldom that it takes no more than a twentieth of the
// time.
void hollow_if_due(ThreadHeap* backing);

// What hollow_parts does for one part.
void hollow_part(ThreadHeap* part, Hollowing which);

// Hollows the orphans of a realm. Any thread. Linear in the slices in use and in what is free
// there.
void hollow_orphans(Realm* realm, Hollowing which);

}  // namespace ashlar
