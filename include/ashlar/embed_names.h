// The functions of the embedding interface under names of the host's: with ASHLAR_SYMBOL_PREFIX
// defined, say as my_, they are called my_ashlar_rt_malloc and so on in object files, and as ever
// in sources. The library and its host are built with the same prefix. Not for use alone: embed.h
// includes it.
#ifndef ASHLAR_EMBED_NAMES_H
#define ASHLAR_EMBED_NAMES_H

#if defined(ASHLAR_SYMBOL_PREFIX)

#define ASHLAR_JOINED(prefix, name) prefix##name
#define ASHLAR_JOIN(prefix, name) ASHLAR_JOINED(prefix, name)
#define ASHLAR_RENAMED(name) ASHLAR_JOIN(ASHLAR_SYMBOL_PREFIX, name)

#define ashlar_rt_calloc ASHLAR_RENAMED(ashlar_rt_calloc)
#define ashlar_rt_collect ASHLAR_RENAMED(ashlar_rt_collect)
#define ashlar_rt_fill_bytes ASHLAR_RENAMED(ashlar_rt_fill_bytes)
#define ashlar_rt_fork ASHLAR_RENAMED(ashlar_rt_fork)
#define ashlar_rt_free ASHLAR_RENAMED(ashlar_rt_free)
#define ashlar_rt_good_size ASHLAR_RENAMED(ashlar_rt_good_size)
#define ashlar_rt_malloc ASHLAR_RENAMED(ashlar_rt_malloc)
#define ashlar_rt_owner ASHLAR_RENAMED(ashlar_rt_owner)
#define ashlar_rt_prefix ASHLAR_RENAMED(ashlar_rt_prefix)
#define ashlar_rt_raw_calloc ASHLAR_RENAMED(ashlar_rt_raw_calloc)
#define ashlar_rt_raw_free ASHLAR_RENAMED(ashlar_rt_raw_free)
#define ashlar_rt_raw_malloc ASHLAR_RENAMED(ashlar_rt_raw_malloc)
#define ashlar_rt_raw_realloc ASHLAR_RENAMED(ashlar_rt_raw_realloc)
#define ashlar_rt_realloc ASHLAR_RENAMED(ashlar_rt_realloc)
#define ashlar_rt_realm_destroy ASHLAR_RENAMED(ashlar_rt_realm_destroy)
#define ashlar_rt_realm_held_next ASHLAR_RENAMED(ashlar_rt_realm_held_next)
#define ashlar_rt_realm_new ASHLAR_RENAMED(ashlar_rt_realm_new)
#define ashlar_rt_realm_release_upto ASHLAR_RENAMED(ashlar_rt_realm_release_upto)
#define ashlar_rt_release_upto ASHLAR_RENAMED(ashlar_rt_release_upto)
#define ashlar_rt_stats ASHLAR_RENAMED(ashlar_rt_stats)
#define ashlar_rt_stats_fast ASHLAR_RENAMED(ashlar_rt_stats_fast)
#define ashlar_rt_thread_abandon ASHLAR_RENAMED(ashlar_rt_thread_abandon)
#define ashlar_rt_thread_attach ASHLAR_RENAMED(ashlar_rt_thread_attach)
#define ashlar_rt_thread_detach ASHLAR_RENAMED(ashlar_rt_thread_detach)
#define ashlar_rt_thread_heap ASHLAR_RENAMED(ashlar_rt_thread_heap)
#define ashlar_rt_thread_held_next ASHLAR_RENAMED(ashlar_rt_thread_held_next)
#define ashlar_rt_thread_id ASHLAR_RENAMED(ashlar_rt_thread_id)
#define ashlar_rt_usable_size ASHLAR_RENAMED(ashlar_rt_usable_size)
#define ashlar_rt_visit ASHLAR_RENAMED(ashlar_rt_visit)
#define ashlar_rt_visit_orphans ASHLAR_RENAMED(ashlar_rt_visit_orphans)

#endif  // ASHLAR_SYMBOL_PREFIX

#endif  // ASHLAR_EMBED_NAMES_H
