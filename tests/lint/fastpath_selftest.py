#!/usr/bin/env python3
"""Proves that tools/fastpath counts what it says, on a small library written in assembler."""
import subprocess

import fixture

# malloc: falls through a likely branch, jumps inside itself, has the slow side out of line.
# free: its fall-through leads to a slow tail jump, so the taken side is the fast one.
# calloc: passes over memset, and calls a function that returns; realloc: a jump to malloc;
# _ZdlPvm: the shortest there is. ashlar_rt_*: jumps to those.
LIBRARY = """\
    .text
    .globl malloc, free, calloc, realloc, _ZdlPvm, ashlar_rt_malloc, ashlar_rt_calloc, ashlar_rt_free
    .type malloc, @function
malloc:
    endbr64
    mov %fs:16, %rax
    mov 8(%rax,%rdi,8), %rdx
    mov (%rdx), %rax
    test %rax, %rax
    je 2f
    jmp 1f
2:  jmp malloc_slow
    .p2align 4
1:  mov (%rax), %rcx
    mov %rcx, (%rdx)
    incl 24(%rdx)
    ret
    .size malloc, . - malloc
    .type free, @function
free:
    cmpq $0, 16(%rdi)
    jne 1f
    xor %eax, %eax
    jmp free_slow
1:  push %rbx
    lea 8(%rdi), %rbx
    pop %rbx
    ret
    .size free, . - free
    .type calloc, @function
calloc:
    call memset@PLT
    call helper
    ret
    .size calloc, . - calloc
    .type helper, @function
helper:
    cmp %rdi, %rsi
    jne 1f
    call report_it
1:  ret
    .size helper, . - helper
    .type report_it, @function
report_it:
    ret
    .size report_it, . - report_it
    .type realloc, @function
realloc:
    jmp malloc
    .size realloc, . - realloc
    .type _ZdlPvm, @function
_ZdlPvm:
    ret
    .size _ZdlPvm, . - _ZdlPvm
    .type ashlar_rt_malloc, @function
ashlar_rt_malloc:
    jmp malloc
    .size ashlar_rt_malloc, . - ashlar_rt_malloc
    .type ashlar_rt_calloc, @function
ashlar_rt_calloc:
    jmp calloc
    .size ashlar_rt_calloc, . - ashlar_rt_calloc
    .type ashlar_rt_free, @function
ashlar_rt_free:
    jmp free
    .size ashlar_rt_free, . - ashlar_rt_free
    .type malloc_slow, @function
malloc_slow:
    ret
    .size malloc_slow, . - malloc_slow
    .type free_slow, @function
free_slow:
    ret
    .size free_slow, . - free_slow
    .ident "GCC: (Debian 12.2.0-14+deb12u1) 12.2.0"
    .section .note.GNU-stack,"",@progbits
"""

ROWS = {
    "malloc": "10 5 2 1 2",
    "free": "6 1 0 1 1",
    "calloc": "6 0 0 1 1",
    "realloc": "11 5 2 1 3",
    "_ZdlPvm": "1 0 0 0 0",
    "ashlar_rt_malloc": "11 5 2 1 3",
    "ashlar_rt_calloc": "7 0 0 1 2",
    "ashlar_rt_free": "7 1 0 1 2",
}


class FastPath(fixture.ToolTest):
    tool = "fastpath"

    def build(self, text=LIBRARY):
        source = self.write("library.s", text)
        library = self.tree / "libashlar.so"
        # -nostdlib and no start files: .comment must hold the one compiler named above.
        subprocess.run(["gcc", "-shared", "-nostdlib", source, "-o", library], check=True)
        return library

    def judge(self, *arguments):
        result = self.run_tool(*arguments)
        return result.returncode, result.stdout + result.stderr

    def test_counts(self):
        status, output = self.judge(self.build())
        self.assertEqual(status, 0, output)
        rows = {line.split()[1]: " ".join(line.split()[2:]) for line in output.splitlines()
                if line.startswith("release ")}
        self.assertEqual(rows, ROWS)

    def test_show(self):
        status, output = self.judge("--show", "free", self.build())
        self.assertEqual(status, 0, output)
        self.assertIn("lea ", output)
        self.assertNotIn("xor ", output)

    def test_limit(self):
        library = self.build(LIBRARY.replace("    incl 24(%rdx)\n", "    incl 24(%rdx)\n" * 6))
        status, output = self.judge(library)
        self.assertEqual(status, 1, output)
        self.assertIn("release malloc: 15 instructions, the limit is 14", output)
        # The limits are those of the release profile.
        self.assertEqual(self.judge("--profile", "debug", library)[0], 0)

    def test_golden(self):
        golden = self.tree / "fastpath.golden"
        library = self.build()
        self.assertEqual(self.judge("--golden", golden, library)[0], 1)
        self.assertEqual(self.judge("--golden", golden, "--update", library)[0], 0)
        self.assertEqual(self.judge("--golden", golden, library)[0], 0)
        status, output = self.judge("--golden", golden, "--profile", "secure", library)
        self.assertEqual(status, 1, output)
        self.assertIn("secure malloc: not in", output)
        self.assertEqual(self.judge("--golden", golden, "--profile", "secure", "--update", library)[0], 0)
        self.assertEqual(self.judge("--golden", golden, library)[0], 0)

        library = self.build(LIBRARY.replace("    incl 24(%rdx)\n", ""))
        status, output = self.judge("--golden", golden, library)
        self.assertEqual(status, 1, output)
        self.assertIn("fastpath: release malloc: instructions 10 -> 9", output)
        self.assertIn("fastpath: release malloc: stores 2 -> 1", output)

    def test_other_compiler(self):
        golden = self.tree / "fastpath.golden"
        self.judge("--golden", golden, "--update", self.build())
        library = self.build(LIBRARY.replace("12.2.0", "13.1.0").replace("    incl 24(%rdx)\n", ""))
        status, output = self.judge("--golden", golden, library)
        self.assertEqual(status, 0, output)
        self.assertIn("not compared", output)

    def test_no_path(self):
        status, output = self.judge(self.build(LIBRARY.replace("_ZdlPvm:\n    ret", "_ZdlPvm:\n    jmp free_slow")))
        self.assertEqual(status, 1, output)
        self.assertIn("_ZdlPvm: no path leads to a ret", output)

    def test_no_entry(self):
        status, output = self.judge(self.build(LIBRARY.replace("_ZdlPvm", "_ZdaPvm")))
        self.assertEqual(status, 1, output)
        self.assertIn("_ZdlPvm: the library has no such function", output)


if __name__ == "__main__":
    fixture.main()
