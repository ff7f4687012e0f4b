#pragma once
// One alias for each libvirt handle, and one check that turns a failure into an error with libvirt's own words.

#include <cstdlib>
#include <memory>
#include <string>

#include <libvirt/libvirt.h>

namespace kvmtest::libvirt {

struct ConnectDeleter {
  void operator()(virConnectPtr handle) const { virConnectClose(handle); }
};
struct DomainDeleter {
  void operator()(virDomainPtr handle) const { virDomainFree(handle); }
};
struct NetworkDeleter {
  void operator()(virNetworkPtr handle) const { virNetworkFree(handle); }
};
struct PoolDeleter {
  void operator()(virStoragePoolPtr handle) const { virStoragePoolFree(handle); }
};
struct VolumeDeleter {
  void operator()(virStorageVolPtr handle) const { virStorageVolFree(handle); }
};
struct StreamDeleter {
  void operator()(virStreamPtr handle) const { virStreamFree(handle); }
};

struct TextDeleter {
  void operator()(char* text) const { free(text); }  // NOLINT: libvirt allocates with malloc
};

using Connect = std::unique_ptr<virConnect, ConnectDeleter>;
using DomainHandle = std::unique_ptr<virDomain, DomainDeleter>;
using NetworkHandle = std::unique_ptr<virNetwork, NetworkDeleter>;
using PoolHandle = std::unique_ptr<virStoragePool, PoolDeleter>;
using VolumeHandle = std::unique_ptr<virStorageVol, VolumeDeleter>;
using StreamHandle = std::unique_ptr<virStream, StreamDeleter>;
using Text = std::unique_ptr<char, TextDeleter>;

/// libvirt's last error on this thread, in one line.
std::string last_error();

/// Throws engine::HostFault "what: libvirt's words".
[[noreturn]] void fail(const std::string& what);

/// Passes a good result through (a pointer that is not null, a number that is not negative), else fails.
template <class Result>
Result check(Result result, const std::string& what) {
  if constexpr (std::is_pointer_v<Result>) {
    if (result == nullptr) fail(what);
  } else {
    if (result < 0) fail(what);
  }
  return result;
}

}  // namespace kvmtest::libvirt
