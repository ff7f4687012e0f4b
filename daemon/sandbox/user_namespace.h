#pragma once
// A user namespace, in which an ordinary user has root's rights over what the daemon makes, and over nothing else.

#include <string>

#include <sys/types.h>

namespace kvmtest::sandbox {

/// Takes this process, which has one thread, into a user namespace of its own as its root. The user's subordinate ids
/// (subuid(5)) are there as 1 and above, if newuidmap(1) maps them. Returns why they are not there, one line; empty:
/// they are. Throws core::InputError, one line, where the machine refuses: what does, and how to allow it.
std::string enter_user_namespace();

/// In a user namespace that this process has just made: it has these ids there, and no others. False: errno says why
/// not.
bool map_own_id(uid_t user_inside, uid_t user, gid_t group_inside, gid_t group);

/// What most likely refuses a namespace with that errno, and how to allow it; one line.
std::string why_refused(int error);

/// The first of 251 ids that nobody has in this process' user namespace, which is the machine's when there is no other;
/// 0: there are none.
uid_t first_spare_id();

}  // namespace kvmtest::sandbox
