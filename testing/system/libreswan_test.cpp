// A checkout in libreswan's layout, on real domains that have it as a share: the files of OUTPUT to the byte, verdicts,
// time-outs, and judging again.

#include "fixture.h"

namespace kvmtest::testing {
namespace {

namespace fs = std::filesystem;

const std::string done = ">>>>>>>>>>cut>>>>>>>>>> done <<<<<<<<<<tuc<<<<<<<<<<";

class Libreswan : public OnDomains {
 protected:
  Libreswan() {
    const fs::path source = KVMTEST_SOURCE;
    fs::copy(source / "testing/unit/suite/libreswan/checkout/testing", directory_ / "testing",
             fs::copy_options::recursive);
    fs::remove_all(directory_ / "testing/pluto");
    std::string settings = read_file("kvmtest.yaml");
    const auto at = settings.find("templates: ") + 11;
    settings.replace(at, settings.find('\n', at) - at, "templates");
    settings_ = settings;
    share("<filesystem type='mount' accessmode='passthrough'><source dir='" + (directory_ / "testing").string() +
              "'/><target dir='testing'/></filesystem>",
          "mkdir -p /testing; mount -t 9p -o trans=virtio,version=9p2000.L testing /testing");
  }

  /// Gives the guests these devices, and this command before each test.
  void share(const std::string& devices, const std::string& prepare) const {
    for (const char* host : {"east", "west"}) {
      std::string text = read_file(fs::path(KVMTEST_SOURCE) / "config/domains" / (std::string(host) + ".xml"));
      text.replace(text.find("<rng model"), 10, devices + "\n<rng model");
      write_file(fs::path("templates") / (std::string(host) + ".xml"), text);
    }
    write_file("kvmtest.yaml", settings_ + "libreswan:\n  prepare: " + prepare + "\n");
  }

  void write_pluto(const std::string& file, const std::string& text) const {
    write_file(fs::path("testing/pluto") / file, text);
  }
  /// One of each form: a script a host, one for all, one that is not good yet, one without any.
  void write_tests() const {
    write_pluto(
        "TESTLIST",
        "kvmplutotest split good\nkvmplutotest merged good\nkvmplutotest not-yet wip\nkvmplutotest nothing good\n");
    write_pluto("split/eastinit.sh", "# who are we\nhostname; pwd; echo $TERM\nfalse\n");
    write_pluto("split/westrun.sh", "echo 12 ms; printf 'no line feed'\n");
    write_pluto("split/final.sh", "echo 'east# looks like a prompt'\n");
    write_pluto(
        "split/east.console.txt",
        "# who are we\neast #\n hostname; pwd; echo $TERM\neast\n/testing/pluto/split\ndumb\neast #\n false\neast #\n "
        "echo 'east# looks like a prompt'\neast# looks like a prompt\neast #\n \n");
    write_pluto("split/west.console.txt", "echo 12 ms; printf 'no line feed'\nother\n");
    write_pluto("merged/all.east-west.sh", "# both\nwest# hostname\nfinal# echo end\n");
    write_pluto("merged/all.console.txt", "");
    write_pluto("not-yet/eastinit.sh", "true\n");
    write_pluto("nothing/description.txt", "");
  }
  [[nodiscard]] std::string pluto(const std::string& file) const { return read_file(fs::path("testing/pluto") / file); }

 private:
  std::string settings_;
};

TEST_F(Libreswan, LeavesOutputAsLibreswansToolsExpectIt) {
  write_tests();
  const Result ran = run_kvmtest({"run", "testing"});
  EXPECT_EQ(ran.status, 1) << ran.output;
  EXPECT_EQ(verdicts(),
            (std::map<std::string, std::string>{{"split", "failed"}, {"merged", "failed"}, {"nothing", "untested"}}))
      << ran.output;
  EXPECT_NE(ran.output.find("1 of 4 tests are left out: 1 by status wip"), std::string::npos) << ran.output;

  const std::string fence =
      ": >>>>>>>>>> post-mortem >>>>>>>>>>\n[root@east split]# ../../guestbin/post-mortem.sh\npost-mortem of east in "
      "/testing/pluto/split\n[root@east split]# : <<<<<<<<<< post-mortem <<<<<<<<<<\n[root@east split]# ";
  EXPECT_EQ(pluto("split/OUTPUT/east.console.verbose.txt"),
            "# who are we\n[root@east split]# hostname; pwd; echo $TERM\neast\n/testing/pluto/split\ndumb\n"
            "[root@east split]# false\n[root@east split]# echo 'east# looks like a prompt'\neast# looks like a prompt\n"
            "[root@east split]# " +
                fence + done);
  EXPECT_TRUE(pluto("split/OUTPUT/west.console.verbose.txt")
                  .starts_with("echo 12 ms; printf 'no line feed'\n12 ms\nno line feed[root@west split]# echo "));
  EXPECT_EQ(pluto("merged/OUTPUT/all.console.verbose.txt"),
            "# both\n\nwest# hostname\n\nwest\n\neast# echo end\n\nend\n\nwest# echo end\n\nend\n\n"
            ">>>>>>>>>> post-mortem >>>>>>>>>>east# ../../guestbin/post-mortem.sh\n\npost-mortem of east in "
            "/testing/pluto/merged\nwest# ../../guestbin/post-mortem.sh\n\npost-mortem of west in "
            "/testing/pluto/merged\n<<<<<<<<<< post-mortem <<<<<<<<<<" +
                done);
  EXPECT_EQ(nlohmann::json::parse(pluto("split/OUTPUT/result.json")).at("issues"),
            nlohmann::json::parse(R"({"east": ["output-different"], "west": ["output-different"]})"));

  // The differences make the expected output what it should be: then the same output passes.
  Result judged = run_kvmtest({"diffs", "testing/pluto/split"});
  EXPECT_EQ(judged.status, 1);
  write_file("patch", judged.output.substr(0, judged.output.rfind("1 failed")));
  EXPECT_EQ(run({"patch", "-p1", "-s", "-i", "patch"}, directory_).status, 0) << judged.output;
  judged = run_kvmtest({"results", "testing/pluto/split"});
  EXPECT_EQ(judged.status, 0) << judged.output;

  // Of the rest, only what did not pass runs again, and a single test without its post-mortem.
  const Result again = run_kvmtest({"run", "--skip", "passed", "--skip", "untested", "testing"});
  EXPECT_NE(again.output.find("2 more are left out for their earlier results"), std::string::npos) << again.output;
  EXPECT_EQ(verdicts(), (std::map<std::string, std::string>{{"merged", "failed"}}));
  EXPECT_EQ(pluto("merged/OUTPUT/all.console.verbose.txt").find("post-mortem"), std::string::npos);
  const fs::path saved = fs::directory_iterator(directory_ / "BACKUP/merged")->path();
  EXPECT_TRUE(fs::exists(saved / "all.console.verbose.txt"));

  // Nothing of the rest is wanted; what cannot be told is no failure of a commit; what cannot run breaks nothing.
  const Result none = run_kvmtest({"run", "--result", "passed", "--skip", "passed", "testing"});
  EXPECT_EQ(none.status, 0) << none.output;
  EXPECT_NE(none.output.find("no test is left to run"), std::string::npos) << none.output;
  EXPECT_NE(run_kvmtest({"list", "--skip", "passed", "testing"}).output.find("\n1 more is left out"),
            std::string::npos);
  EXPECT_EQ(run_kvmtest({"results", "nosuch"}).status, 125);
  const Result bisected = run_kvmtest({"bisect", "testing/pluto/split", "testing"});
  EXPECT_EQ(bisected.status, 0) << bisected.output;
  EXPECT_NE(bisected.output.find("run 4: after merged: passed\n"), std::string::npos) << bisected.output;
}

// As virt-install leaves them for libreswan's runner: for KVM, on libvirt's networks, PREFIX PLATFORM HOST as the file.
TEST_F(Libreswan, DomainsThatItsOwnSetUpDescribedAreUsedAsTheyAre) {
  const fs::path guest = fs::path(KVMTEST_SOURCE) / ".kvmtest/guest/tiny";
  std::map<std::string, std::string> described;
  for (const std::string host : {"east", "west"}) {
    std::string text = read_file("templates/" + host + ".xml");
    for (const auto& [from, to] :
         std::map<std::string, std::string>{{"@@TYPE@@", "kvm"},
                                            {"@@DOMAIN@@", "t1." + host},
                                            {"@@HOST@@", host},
                                            {"@@PREFIX@@", "t1."},
                                            {"@@MEMORY_MIB@@", "192"},
                                            {"@@KERNEL@@", guest / "kernel"},
                                            {"@@INITRD@@", guest / "initrd"},
                                            {"interface type='bridge'", "interface type='network'"},
                                            {"source bridge=", "source network="}})
      for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
        text.replace(at, from.size(), to);
    described["pool/t1.linux" + host] = text;
  }
  for (const auto& [file, text] : described) write_file(file, text);
  write_file("pool/t1.linuxeast.qcow2", "no description");
  write_pluto("TESTLIST", "kvmplutotest pings good\n");
  write_pluto("pings/eastinit.sh", "hostname\n");
  write_pluto("pings/westrun.sh", "ping -c 1 -W 5 192.1.2.23 >/dev/null && echo answers\n");
  write_pluto("pings/east.console.txt", "hostname\neast\neast #\n \n");
  write_pluto("pings/west.console.txt", "ping -c 1 -W 5 192.1.2.23 >/dev/null && echo answers\nanswers\nwest #\n \n");

  const Result ran = run_kvmtest({"run", "--verbose", "--domains", "pool", "testing"});
  // Without the processor that is described, its pool of randomness fills slowly; it is saved all the same.
  EXPECT_EQ(ran.output.find("state was not saved"), std::string::npos) << ran.output;
  EXPECT_EQ(ran.status, 0) << ran.output << pluto("pings/OUTPUT/east.console.diff")
                           << pluto("pings/OUTPUT/west.console.diff");
  EXPECT_EQ(verdicts(), (std::map<std::string, std::string>{{"pings", "passed"}}));
  for (const auto& [file, text] : described) EXPECT_EQ(read_file(file), text);
  // As its own runner has it.
  const Result listed = run({KVMTEST_PROGRAMS "/kvmtest", "list", "--prefix", "pool/t1.", "testing"}, directory_);
  EXPECT_TRUE(listed.output.starts_with("pings ")) << listed.output;
  EXPECT_EQ(listed.output.find("cannot run"), std::string::npos) << listed.output;
  EXPECT_EQ(run_kvmtest({"uninstall", "--domains", "pool"}).status, 0);
}

// As scripts/libreswan-domains has it.
TEST_F(Libreswan, GuestsWriteToAShareOfTheTestsAndToNothingElse) {
  share("<filesystem type='mount' accessmode='mapped'><source dir='" + (directory_ / "testing").string() +
            "'/><target dir='testing'/><readonly/></filesystem>\n"
            "<filesystem type='mount' accessmode='mapped' fmode='0644' dmode='0755'><source dir='@@SHARE@@'/>"
            "<target dir='output'/></filesystem>",
        "mkdir -p /testing; mount -t 9p -o ro,nosuid,nodev,trans=virtio,version=9p2000.L testing /testing && "
        "mount -t 9p -o nosuid,nodev,trans=virtio,version=9p2000.L output /testing/pluto/@@TEST@@/OUTPUT");
  const std::string sanitizer = read_file("testing/utils/sanitizer.sh");
  write_pluto("writes/eastinit.sh",
              "mount -o remount,rw /testing; echo evil >/testing/utils/sanitizer.sh || echo refused\n"
              "echo '#!/bin/sh' >OUTPUT/program; chmod 4755 OUTPUT/program; test -u OUTPUT/program && echo set\n"
              "ln -s /etc/passwd OUTPUT/east.pluto.log; mknod OUTPUT/device c 1 5; mkfifo OUTPUT/fifo; echo made\n"
              "truncate -s 1099511627776 OUTPUT/giant; echo of east >OUTPUT/file\n");
  write_pluto("writes/westrun.sh", "cat OUTPUT/file\n");
  write_pluto("writes/east.console.txt", "");
  write_pluto("writes/west.console.txt", "cat OUTPUT/file\nof east\nwest #\n \n");
  const Result ran = run_kvmtest({"run", "testing/pluto/writes"});
  const std::string printed = pluto("writes/OUTPUT/east.console.verbose.txt");
  for (const char* word : {"\nrefused\n", "\nset\n", "\nmade\n"})
    EXPECT_NE(printed.find(word), std::string::npos) << word << ran.output << printed;
  EXPECT_EQ(pluto("writes/OUTPUT/west.console.diff"), "") << ran.output;
  EXPECT_EQ(pluto("writes/OUTPUT/file"), "of east\n");
  EXPECT_NE(ran.output.find("writes: of what its guests wrote, this was not kept: giant: only its beginning"),
            std::string::npos)
      << ran.output;
  EXPECT_EQ(read_file("testing/utils/sanitizer.sh"), sanitizer);
  for (const fs::path& place : {directory_ / "testing", directory_ / ".kvmtest/shares"})
    for (const auto& entry : fs::recursive_directory_iterator(place)) {
      const auto status = entry.symlink_status();
      EXPECT_TRUE(status.type() == fs::file_type::regular || status.type() == fs::file_type::directory) << entry;
      EXPECT_EQ(status.permissions() & (fs::perms::set_uid | fs::perms::set_gid), fs::perms::none) << entry;
    }
  fs::resize_file(directory_ / "testing/pluto/writes/OUTPUT/giant", 0);
}

TEST_F(Libreswan, ATimeOutEndsATestAndAnUnreachableSuiteIsNotResolved) {
  write_pluto("hangs/description.txt", "");
  write_pluto("hangs/east.sh", "echo begin; sleep 1000\n");
  write_pluto("hangs/west.sh", "echo never\n");
  std::string script = read_file("kvmtest.yaml");
  write_file("kvmtest.yaml", script + "  command_limit: 3s\n");
  Result ran = run_kvmtest({"run", "testing/pluto/hangs"});
  EXPECT_EQ(ran.status, 1) << ran.output;
  const std::string mark = ">>>>>>>>>> TIMEOUT while running command echo begin; sleep 1000 <<<<<<<<<<";
  EXPECT_EQ(pluto("hangs/OUTPUT/east.console.verbose.txt"), "echo begin; sleep 1000\nbegin\n" + mark + done);
  EXPECT_EQ(pluto("hangs/OUTPUT/west.console.verbose.txt"), done);
  write_file("kvmtest.yaml", script + "  directory: /nosuch\n");
  ran = run_kvmtest({"run", "testing/pluto/hangs"});
  EXPECT_EQ(verdicts(), (std::map<std::string, std::string>{{"hangs", "unresolved"}}));
  EXPECT_NE(ran.output.find("set -m; cd /nosuch/pluto/hangs' exited with"), std::string::npos) << ran.output;
}

}  // namespace
}  // namespace kvmtest::testing
