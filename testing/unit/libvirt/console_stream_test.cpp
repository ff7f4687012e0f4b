// A console on a socket, at whose other end this test sits instead of QEMU.

#include "libvirt/console_stream.h"

#include <array>
#include <chrono>
#include <future>
#include <string>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "../directory.h"
#include "engine/hypervisor.h"
#include "libvirt/event_loop.h"

namespace kvmtest::libvirt {
namespace {

using namespace std::chrono_literals;

console::Deadline in(std::chrono::milliseconds time) { return std::chrono::steady_clock::now() + time; }

class ConsoleOnASocket : public ::testing::Test {
 protected:
  ConsoleOnASocket() {
    static EventLoop loop;  // one in a process
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.copy(address.sun_path, sizeof address.sun_path - 1);
    listener_ = socket(AF_UNIX, SOCK_STREAM, 0);
    EXPECT_EQ(bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(listen(listener_, 1), 0);
    stream_ = std::make_unique<ConsoleStream>(path_);
    guest_ = accept(listener_, nullptr, nullptr);
  }
  ~ConsoleOnASocket() override {
    stream_.reset();
    hang_up();
    close(listener_);
  }

  void say(const std::string& bytes) const {
    ASSERT_EQ(send(guest_, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  }
  void hang_up() {
    if (guest_ >= 0) close(guest_);
    guest_ = -1;
  }
  std::string heard(std::size_t size) const {
    std::string bytes(size, '\0');
    const ssize_t got = recv(guest_, bytes.data(), bytes.size(), MSG_WAITALL);
    bytes.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
    return bytes;
  }

  Directory directory_;
  std::string path_ = directory_.path() / "console";
  int listener_ = -1;
  int guest_ = -1;
  std::unique_ptr<ConsoleStream> stream_;
};

TEST_F(ConsoleOnASocket, BytesGoBothWays) {
  stream_->write("ls\n", in(60s));
  EXPECT_EQ(heard(3), "ls\n");
  say("a file");
  std::string read;
  while (read.size() < 6) read += stream_->read(in(60s));
  EXPECT_EQ(read, "a file");
}

TEST_F(ConsoleOnASocket, WhatDoesNotFitWaitsUntilItIsRead) {
  const std::string much(std::size_t{8} << 20U, 'x');
  auto written = std::async(std::launch::async, [&] { stream_->write(much, in(60s)); });
  EXPECT_EQ(heard(much.size()), much);
  written.get();
}

TEST_F(ConsoleOnASocket, WhatWasSaidBeforeTheEndIsReadBeforeIt) {
  say("bye");
  hang_up();
  std::string read;
  EXPECT_THROW(while (true) read += stream_->read(in(60s)), console::Closed);
  EXPECT_EQ(read, "bye");
  EXPECT_THROW(stream_->write("?", in(60s)), console::Closed);
}

TEST_F(ConsoleOnASocket, SilenceLastsUntilTheDeadline) { EXPECT_EQ(stream_->read(in(1ms)), ""); }

TEST_F(ConsoleOnASocket, AnotherThreadEndsTheWaiting) {
  auto reading = std::async(std::launch::async, [&] { return stream_->read(in(60s)); });
  stream_->interrupt();
  EXPECT_THROW(reading.get(), console::Interrupted);
}

TEST_F(ConsoleOnASocket, WhoeverIsGoneIsNotHeldOn) {
  stream_.reset();
  std::array<char, 1> byte{};
  EXPECT_EQ(recv(guest_, byte.data(), byte.size(), 0), 0) << "the other end sees it";
}

TEST(ConsoleSocket, ThatNobodyListensOnIsAHostFault) {
  const Directory directory;
  const std::string path = directory.path() / "none";
  try {
    ConsoleStream stream(path);
    ADD_FAILURE() << "it was opened";
  } catch (const engine::HostFault& fault) {
    EXPECT_EQ(fault.what(), "console " + path + ": No such file or directory");
  }
}

}  // namespace
}  // namespace kvmtest::libvirt
