#include "server/http_query.h"

#include <gtest/gtest.h>

#include "server/api_error.h"

namespace puna {
namespace {

TEST(HttpQueryTest, AValueIsFoundByItsNameAndDecoded) {
  EXPECT_EQ(QueryValue("limit=5&after=a%20b%2Fc&order=asc", "after"), "a b/c");
  EXPECT_EQ(QueryValue("limit=5&after=x+y", "after"), "x y");
  EXPECT_EQ(QueryValue("a=1&a=2", "a"), "2");
  EXPECT_EQ(QueryValue("include[]=a=b&x", "include[]"), "a=b");
}

TEST(HttpQueryTest, WhatIsNotThereOrEmptyIsNothing) {
  for (const char* query : {"", "&", "&&", "=", "b=1", "a", "a=", "ab=1", "=a", "b=a", "%61=1"})
    EXPECT_EQ(QueryValue(query, "a"), std::nullopt) << query;
}

TEST(HttpQueryTest, WhatIsNotWellEncodedIsRefused) {
  for (const char* query : {"a=%", "a=%1", "a=%zz", "a=%%%"})
    EXPECT_THROW(QueryValue(query, "a"), RequestError) << query;
  EXPECT_EQ(QueryValue("b=%zz&a=1", "a"), "1") << "nobody asks for it";
}

}  // namespace
}  // namespace puna
