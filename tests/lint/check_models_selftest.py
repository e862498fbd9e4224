#!/usr/bin/env python3
"""Proves that tools/check_models finds what it is for, on small models made for it."""
import fixture

# Two processes add one each; taken apart, the two steps of an addition lose one of them.
MODEL = """/* Counting.
   Here     There
     add    src/page/count.cc:add
   Runs
     {run}  every property
   Wrong
     WRONG_APART  {property}  the addition is two steps
     */
#ifndef TIMES
#define TIMES 1
#endif
hidden byte nothing_is_lost, something_else;
byte count;
proctype adder() {{
  byte seen, times;
  do
  :: times < TIMES ->
     times++;
#ifdef {macro}
     seen = count;
     count = seen + 1
#else
     count = count + 1
#endif
  :: else -> break
  od;
  {more}
}}
init {{
  atomic {{ run adder(); run adder() }}
  _nr_pr == 1;
  assert(count == {sum} * TIMES || nothing_is_lost)
}}
"""


class CheckModels(fixture.ToolTest):
    tool = "check_models"

    def setUp(self):
        super().setUp()
        self.write("src/page/count.cc", "namespace {\nint add(int a, int b) { return a + b; }\n}\n")
        self.model()

    def model(self, run="safety", macro="WRONG_APART", wanted="nothing_is_lost", more="skip", total=2):
        self.write("model/count.pml",
                   MODEL.format(run=run, property=wanted, macro=macro, more=more, sum=total))

    def test_good_tree(self):
        self.assert_clean()

    def test_bounds_are_used(self):
        self.model("safety TIMES=3")
        status, output = self.check()
        self.assertEqual(status, 0, output)
        self.assertRegex(output, r"count +safety TIMES=3 +[1-9].* holds")

    def test_violated_assertion(self):
        self.model(total=1)
        self.assert_finding("model/count.pml:5: violated: assertion violated ((count==(1*1))||nothing_is_lost)")

    def test_stuck_process(self):
        self.model(more="count > 5")
        self.assert_finding("model/count.pml:5: violated: invalid end state")

    def test_endless_loop(self):
        self.model("progress", more="do :: times == 9 -> break :: times < 9 -> seen = 1 - seen od")
        self.assert_finding("model/count.pml:5: violated: non-progress cycle")

    def test_harmless_wrong_variant(self):
        self.model(macro="WRONG_OTHERWISE")
        self.assert_finding("model/count.pml:7: WRONG_APART should violate nothing_is_lost; spin found no error")

    def test_wrong_variant_that_breaks_something_else(self):
        self.model(wanted="something_else")
        self.assert_finding("model/count.pml:7: WRONG_APART should violate something_else; spin found assertion")

    def test_line_that_is_never_reached(self):
        self.model(more="if :: times > 5 ->\n    seen = 7;\n    count = 9 :: else fi")
        self.assert_finding("model/count.pml:29: no run comes here")

    def test_syntax_error(self):
        self.model(more="fi")
        self.assert_finding("model/count.pml:5: spin: ")

    def test_functions(self):
        self.assert_clean("--names-only")
        self.write("src/page/count.cc", "// add(a, b) {}\nint sum(int a) { return other.add(a) + add(a); }\n")
        self.assert_finding("model/count.pml:3: src/page/count.cc:add: no such function", "--names-only")
        (self.tree / "src/page/count.cc").unlink()
        self.assert_finding("model/count.pml:3: src/page/count.cc:add: there is no such file", "--names-only")

    def test_function_with_an_annotation(self):
        self.write("src/page/count.cc", "int add(int a, int b) ASHLAR_REQUIRES(lock) { return a + b; }\n")
        self.assert_clean("--names-only")
        self.write("src/page/count.cc", "int add(int a, int b) ASHLAR_REQUIRES(lock);\n")
        self.assert_finding("model/count.pml:3: src/page/count.cc:add: no such function", "--names-only")

    def test_tables(self):
        self.model("quickly")
        self.assert_finding("model/count.pml:5: 'quickly' is no run", "--names-only")
        self.model()
        self.write("model/other.pml", "/* Nothing to run. */\n")
        self.assert_finding("model/other.pml:1: has no table of runs", "--names-only")
        self.model(more='skip\n#include "other.pml"\n')
        self.assert_clean("--names-only")
        self.write("model/tame.pml", "/* Tame.\n   Runs\n     safety  all\n*/\ninit { skip }\n")
        self.assert_finding("model/tame.pml:1: has no wrong variant", "--names-only")


if __name__ == "__main__":
    fixture.main()
