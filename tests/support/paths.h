// Where the tests find what belongs to the checkout.
#pragma once

#include <string>

namespace sjcp::test {

std::string source_dir();  // the repository's root
std::string data_dir();    // tests/data

}  // namespace sjcp::test
