// A program that does nothing: the headers that are precompiled for the tests (see CMakeLists.txt)
// belong to a target with a source.
int main() {}
