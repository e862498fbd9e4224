// Walks over what lives in a host's realm, for include/ashlar/embed.h, which says what callers
// promise and are promised. Walks of other heaps are heap_walk.h's.
#pragma once

#include "ashlar/embed.h"
#include "heap/attachment.h"
#include "heap/realm.h"

namespace ashlar {

// Pages of an attached thread, and what nobody owns, of heaps with a tag in the mask.
bool walk_attachment(Attachment* attachment, unsigned tags, bool blocks, ashlar_rt_visit_fun* fun,
                     void* arg);
bool walk_host_orphans(const Realm* realm, unsigned tags, bool blocks, ashlar_rt_visit_fun* fun,
                       void* arg);

// Counts of all pages of heaps with a tag in the mask; the realm is at rest. `size` is left alone.
ashlar_rt_stats_t count_host_realm(Realm* realm, unsigned tags);

// Sums of what attached threads and the realm count for themselves.
ashlar_rt_fast_stats_t sum_host_realm(const Realm* realm);

}  // namespace ashlar
