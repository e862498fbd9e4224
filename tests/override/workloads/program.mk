# Builds one source with three sets of options, packs the objects and links a program.
OBJECTS := a1.o a2.o a3.o

program: libparts.a main.c
	gcc -o $@ main.c libparts.a

libparts.a: $(OBJECTS)
	ar rcD $@ $^

a%.o: compile.c
	gcc -O$(word $*,1 2 s) -c -o $@ $<

main.c:
	printf 'double walk_10(const void*, unsigned);\nint main(void) { return walk_10(0, 1) != 0; }\n' > $@
