// Clients at the consoles of fake domains, with an engine between them.

#include "service/consoles.h"

#include <condition_variable>
#include <deque>
#include <fstream>
#include <sstream>
#include <thread>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "core/input_error.h"
#include "fixture.h"

namespace kvmtest::service {
namespace {

using namespace std::chrono_literals;
using engine::Busy;
using engine::east;
using engine::west;
namespace record = core::record;

/// A client that types what it is told to, and goes when it is told to. Any thread.
class FakeClient final : public ConsoleClient {
 public:
  void begin(const std::string& note) override {
    const std::lock_guard lock(mutex_);
    EXPECT_FALSE(begun_);
    begun_ = true;
    note_ = note;
  }
  bool output(std::string_view bytes) override {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(begun_);
    printed_ += bytes;
    changed_.notify_all();
    return !gone_;
  }
  std::optional<Input> input() override {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] {
      return gone_ || over_ || !inputs_.empty() ||
             (!leaves_at_.empty() && printed_.find(leaves_at_) != std::string::npos);
    });
    if (gone_ || over_ || inputs_.empty()) {
      gone_ = gone_ || !over_;
      return std::nullopt;
    }
    Input next = std::move(inputs_.front());
    inputs_.pop_front();
    return next;
  }
  void end_input() override {
    const std::lock_guard lock(mutex_);
    over_ = true;
    changed_.notify_all();
  }

  void type(Input input) {
    const std::lock_guard lock(mutex_);
    inputs_.push_back(std::move(input));
    changed_.notify_all();
  }
  /// It goes as soon as that was printed.
  void leave_at(std::string words) { leaves_at_ = std::move(words); }
  void leave() {
    const std::lock_guard lock(mutex_);
    gone_ = true;
    changed_.notify_all();
  }
  void await(const std::string& words) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, 60s, [&] { return printed_.find(words) != std::string::npos; }))
      throw std::runtime_error(words + " was not printed");
  }

  [[nodiscard]] bool begun() const { return begun_; }
  [[nodiscard]] const std::string& note() const { return note_; }
  [[nodiscard]] const std::string& printed() const { return printed_; }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by mutex_ while a console is served.
  std::deque<Input> inputs_;
  std::string printed_;
  std::string note_;
  std::string leaves_at_;
  bool begun_ = false;
  bool gone_ = false;
  bool over_ = false;
};

class ConsolesTest : public engine::EngineTest {
 protected:
  ConsoleEnd execute(const std::string& text) {
    FakeClient client;
    return consoles_.execute(east, {.text = text}, client);
  }
  /// A program that tells its token and runs until somebody writes to `go`.
  static suite::LoadedTest program(const std::string& command) {
    suite::LoadedTest loaded;
    loaded.test.name = "t";
    loaded.test.hosts = {"east"};
    loaded.test.program = suite::Program{{"/bin/sh", "-c", command}, "/"};
    loaded.judge = std::make_shared<engine::EndingJudge>();
    return loaded;
  }
  [[nodiscard]] std::string fifo(const std::string& name) const {
    const std::string path = directory_ / name;
    EXPECT_EQ(mkfifo(path.c_str(), 0600), 0);
    return path;
  }
  /// Waits for a writer, and for all that it says.
  static std::string read(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }

  Consoles consoles_{engine_};
};

TEST_F(ConsolesTest, ACommandsOutputComesAndThenItsStatus) {
  engine_.request_domain(east, {});
  FakeClient client;
  const auto end = consoles_.execute(east, {.text = "echo hi; false"}, client);
  EXPECT_EQ(client.printed(), "hi\n");
  EXPECT_EQ(client.note(), "");
  EXPECT_EQ(end.status, 1);
  EXPECT_EQ(end.error, "");
  EXPECT_GT(end.took.count(), 0);
  EXPECT_EQ(execute("true").status, 0) << "the console is free again";
}

TEST_F(ConsolesTest, WhatCannotBeIsRefusedBeforeTheClientBegins) {
  FakeClient client;
  EXPECT_THROW(consoles_.execute(west, {.text = "true"}, client), Busy);
  EXPECT_THROW(consoles_.execute(west, {.text = "true", .token = "nobody's"}, client), Busy);
  EXPECT_THROW(consoles_.interact(west, {}, "vt100", client), Busy);
  EXPECT_THROW(consoles_.watch(west, false, client), Busy);
  EXPECT_THROW(consoles_.execute(west, {.reboot = true}, client), core::InputError);
  EXPECT_THROW(consoles_.execute(west, {.reboot = true, .token = "t", .input = ""}, client), core::InputError);
  EXPECT_THROW(consoles_.execute(west, {.text = "cat", .input = std::string((4U << 20U) + 1, 'x')}, client),
               core::InputError);
  EXPECT_FALSE(client.begun());
}

TEST_F(ConsolesTest, AClientThatGoesPressesControlC) {
  engine_.request_domain(east, {});
  FakeClient client;
  client.leave_at("started");
  EXPECT_EQ(consoles_.execute(east, {.text = "echo started; hang"}, client).status, 130);
  EXPECT_EQ(execute("true").status, 0);
}

TEST_F(ConsolesTest, ACommandThatTakesTooLongIsInterrupted) {
  engine_.request_domain(east, {});
  FakeClient client;
  const auto end = consoles_.execute(east, {.text = "hang", .limit = std::chrono::duration<double>(0.01)}, client);
  EXPECT_EQ(end.status, std::nullopt);
  EXPECT_EQ(end.error, "no prompt within 0.0 s; the command was interrupted");
  EXPECT_EQ(execute("true").status, 0) << "its shell is asked again";
}

TEST_F(ConsolesTest, ADomainThatEndsUnderACommandIsGivenUp) {
  engine_.request_domain(east, {});
  EXPECT_EQ(execute("die").error, "a.east ended");
  engine_.request_domain(east, {});
  EXPECT_EQ(execute("true").status, 0) << "it was reset";
}

TEST_F(ConsolesTest, InputForAGuestWithoutAPlaceForItIsRefused) {
  engine_.request_domain(east, {});
  FakeClient client;
  // This guest makes no files.
  EXPECT_EQ(consoles_.execute(east, {.text = "cat", .input = "words"}, client).error,
            "the guest has no place for standard input");
}

TEST_F(ConsolesTest, AProgramsCommandsAreItsTests) {
  const std::string told = fifo("told");
  const std::string go = fifo("go");
  engine_.start_run(order({program("echo -n $KVMTEST_TOKEN >" + told + "; cat " + go)}));
  const std::string token = read(told);
  FakeClient client;
  EXPECT_EQ(consoles_.execute(east, {.text = "echo hi", .token = token}, client).status, 0);
  EXPECT_EQ(client.printed(), "hi\n");
  FakeClient gone;
  gone.leave();
  EXPECT_EQ(consoles_.execute(east, {.text = "echo never", .token = token}, gone).error, "the client has gone");
  std::ofstream(go) << "go\n";
  EXPECT_EQ(memory_.wait_for<record::RunFinished>().passed, 1U);
  const auto commands = memory_.all<record::CommandFinished>();
  ASSERT_EQ(commands.size(), 1U);
  EXPECT_EQ(commands.front().command, "echo hi");
}

TEST_F(ConsolesTest, WhoLooksOnSeesTheTestToItsEnd) {
  engine_.start_run(order({script("t", {{"east", "echo shown"}, {"east", "hang"}})}));
  FakeClient client;
  std::thread test([&] {
    client.await("hang");
    hypervisor_.interrupt(east);
  });
  EXPECT_EQ(consoles_.watch(east, false, client).note, "t has ended");
  test.join();
  EXPECT_EQ(client.note(), "a.east is running t");
  EXPECT_NE(client.printed().find("shown"), std::string::npos) << client.printed();
  memory_.wait_for<record::RunFinished>();
}

TEST_F(ConsolesTest, WhoMayTypeEndsWhatHangs) {
  engine_.start_run(order({script("t", {{"east", "echo here; hang"}})}));
  FakeClient client;
  std::thread person([&] {
    client.await("\nhere\n");
    client.type(std::string("\x03"));
  });
  EXPECT_EQ(consoles_.watch(east, true, client).note, "t has ended");
  person.join();
  EXPECT_EQ(client.note(), "a.east is running t; what you type goes to it");
  memory_.wait_for<record::RunFinished>();
}

TEST_F(ConsolesTest, APersonIsToldThatTheDomainEnded) {
  engine_.request_domain(east, {});
  FakeClient client;
  std::thread person([&] {
    client.type(console::TerminalSize{50, 100});
    client.type(std::string("die\n"));
  });
  const auto end = consoles_.interact(east, {24, 80}, "vt100", client);
  person.join();
  EXPECT_TRUE(client.begun());
  EXPECT_EQ(end.status, std::nullopt);
  EXPECT_EQ(end.error, "a.east ended");
  engine_.request_domain(east, {});
  EXPECT_EQ(execute("true").status, 0) << "it was reset";
}

}  // namespace
}  // namespace kvmtest::service
