#include "net/hf/mirror.h"
#include "tests/support/catch.h"

using namespace sjcp;
using namespace sjcp::hf;

namespace {

const std::string kRepoOid = "8ac7" + std::string(60, '5');
const std::string kFileOid(64, '0');
const std::string kKey = "repos/8a/c7/" + kRepoOid + "/" + kFileOid;

HubFile large_file() {
  HubFile file;
  file.path = "dir/model 1.bin";
  file.sha256 = kFileOid;
  return file;
}

}  // namespace

TEST_CASE("A mirror has files in the published layout below its prefix") {
  CHECK(mirror_key(kRepoOid, kFileOid) == kKey);
  const Repo repo = *Repo::parse("o/m");
  for (const char* prefix : {"sj://b/p", "sj://b/p/"}) {
    CHECK(MirrorPlaces(prefix).place(repo, "c", large_file(), kRepoOid) == "sj://b/p/" + kKey);
  }
  CHECK(MirrorPlaces("sj://b/p").needs_repo_oid());
}

TEST_CASE("Redirects show the repo oid only in the published layout") {
  CHECK(*shown_repo_oid("https://cdn.example/" + kKey + "?Expires=1&x=/repos/", kFileOid) == kRepoOid);
  CHECK(*shown_repo_oid("https://cdn.example/prefix/" + kKey, kFileOid) == kRepoOid);
  CHECK(!shown_repo_oid("https://cdn.example/" + kKey, std::string(64, '1')));
  CHECK(!shown_repo_oid("https://cdn.example/xet/" + kRepoOid + "/" + kFileOid, kFileOid));
  CHECK(!shown_repo_oid("https://cdn.example/repos/00/c7/" + kRepoOid + "/" + kFileOid, kFileOid));
  CHECK(!shown_repo_oid("https://cdn.example/?/" + kKey, kFileOid));
}

TEST_CASE("Repositories of one name and two kinds have two repo oids") {
  const std::string model = own_repo_oid(*Repo::parse("o/m@v1"));
  CHECK(model.size() == 64);
  CHECK(model == own_repo_oid(*Repo::parse("o/m")));
  CHECK(model != own_repo_oid(*Repo::parse("datasets/o/m")));
}

TEST_CASE("A template of a mirror is filled in, with escapes in URLs only") {
  const Repo repo = *Repo::parse("datasets/o/m@v1");
  const MirrorPlaces url("https://h/{repo}/{commit}/{path}?oid={sha256}");
  CHECK(url.check());
  CHECK(!url.needs_repo_oid());
  CHECK(url.place(repo, "c0", large_file(), "") ==
        "https://h/datasets/o/m/c0/dir/model%201.bin?oid=" + kFileOid);
  CHECK(MirrorPlaces("sj://b/{path}").place(repo, "c0", large_file(), "") == "sj://b/dir/model 1.bin");
  CHECK(MirrorPlaces("sj://b/{repo_oid}/x").needs_repo_oid());
}

TEST_CASE("A mirror that is no location is refused") {
  for (const char* prefix : {"", "folder", "ftp://h/x", "sj://", "sj://b/{file}", "sj://b/{path"}) {
    CAPTURE(prefix);
    CHECK(MirrorPlaces(prefix).check().error().code == Errc::kUsage);
  }
}
