// Catch2, of either generation: Debian 12 has version 2, one header; Debian 13 version 3, a library.
#pragma once

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>  // IWYU pragma: export

using Catch::Approx;
#else
#include <catch2/catch.hpp>  // IWYU pragma: export
#endif
