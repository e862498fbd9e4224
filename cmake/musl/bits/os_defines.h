// Stands before libstdc++'s own, which asks glibc for its version.
#pragma once
