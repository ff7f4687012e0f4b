#pragma once
// The machines of libreswan's tests: a host on a platform. Pure; any thread.

#include <string>
#include <string_view>
#include <vector>

#include "suite/test.h"

namespace kvmtest::suite::libreswan {

struct Guest {
  std::string name;      ///< platform and host: "netbsdrise"
  std::string host;      ///< its role, and what it calls itself: "rise"
  std::string platform;  ///< "netbsd"
};

/// The platform of a guest that is called by its host alone.
inline constexpr std::string_view linux_platform = "linux";

/// The host of a guest's domain. That on linux is the host; others have domains of their own.
std::string domain_host(const Guest& guest);

/// Gives a test its hosts, and attributes that tell of the guests.
void take_guests(Test& test, const std::vector<Guest>& guests);

/// Back from the attributes, in the order of the test's hosts; empty where it could not be read.
std::vector<Guest> guests_of(const Test& test);

}  // namespace kvmtest::suite::libreswan
