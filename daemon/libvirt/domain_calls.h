#pragma once
// What is asked of libvirt about one domain of its own, in one call each. Any thread; all throw engine::HostFault with
// libvirt's words.

#include <string>
#include <vector>

#include "libvirt/handles.h"

namespace kvmtest::libvirt {

/// Its XML: as it is defined, or, with other `flags` of virDomainGetXMLDesc, as it runs.
std::string xml_of(virDomainPtr domain, unsigned flags = VIR_DOMAIN_XML_INACTIVE);

/// The host's ends of a running domain's network cards.
std::vector<std::string> links_of_running(virDomainPtr domain);

/// Destroys the domain. One that is off already, or gone altogether, is fine.
void switch_off(virDomainPtr domain);

/// Forgets the domain's definition, and what libvirt keeps beside it; never its firmware's variables, which an older
/// definition may have where the user has them, and ours are among its live files.
void undefine(virDomainPtr domain);

/// Defines the domain anew, and with that as one whose TPM nobody has used.
DomainHandle with_new_tpm(virDomainPtr domain);

}  // namespace kvmtest::libvirt
