"""The pictures of bench/memory: idle (resident memory over time, before and after everything is
freed) and fragmentation (resident over live, round by round)."""

from . import pictures

IDLE = {"idle-4-own": "each thread frees its own blocks",
        "idle-4-neighbour": "another thread frees them"}


def draw_idle(courses, ours, path):
    panels = [(name, text) for name, text in IDLE.items() if name in courses]
    figure, axes = pictures.pyplot.subplots(1, len(panels), sharey=True, squeeze=False,
                                            figsize=(max(9, 5.6 * len(panels)), 5.2))
    for axis, (name, text) in zip(axes[0], panels):
        for allocator, course in courses[name].items():
            axis.plot([at for at, _ in course], [mib for _, mib in course],
                      **pictures.look(allocator, ours))
        axis.axvline(0, color="#888888", linewidth=1)
        axis.set_title(f"4 threads; {text}", fontsize=12)
        axis.set_xlabel("seconds since all was freed and the threads sleep")
        axis.set_xlim(left=-0.75, right=1.5)
        axis.set_xticks([-0.5, 0, 0.5, 1, 1.5])
    axes[0][0].set_ylabel("resident MiB more than at the start")
    axes[0][0].set_ylim(bottom=0)
    pictures.add_legend(figure, axes[0][0])
    pictures.save(figure, path)


def draw_fragmentation(courses, ours, path):
    figure, axis = pictures.pyplot.subplots(figsize=(10, 5.2))
    for allocator, course in courses.items():
        # The median of a few rounds: single ones hide the course.
        window = max(1, len(course) // 60)
        at = range(0, len(course), window)
        axis.plot([i + 1 for i in at],
                  [sorted(course[i:i + window])[len(course[i:i + window]) // 2] for i in at],
                  **pictures.look(allocator, ours))
    axis.set_xlabel("round: much is allocated, three quarters freed at random, sizes change")
    axis.set_ylabel("resident over live at the end of the round")
    axis.set_ylim(bottom=1)
    axis.set_xlim(left=1)
    pictures.add_legend(figure, axis)
    pictures.save(figure, path)


def draw(document, folder, suffix):
    courses, ours = document["courses"], document["ours"]
    if any(name in courses for name in IDLE):
        draw_idle(courses, ours, folder / f"idle.{suffix}")
    if "fragmentation" in courses:
        draw_fragmentation(courses["fragmentation"], ours, folder / f"fragmentation.{suffix}")
