#include "libvirt/domain_calls.h"

#include <libvirt/virterror.h>

#include "domains/templates.h"
#include "libvirt/live_files.h"

namespace kvmtest::libvirt {

std::string xml_of(virDomainPtr domain, unsigned flags) {
  const Text text(check(virDomainGetXMLDesc(domain, flags), "description of a domain"));
  return text.get();
}

std::vector<std::string> links_of_running(virDomainPtr domain) { return domains::links_of(xml_of(domain, 0)); }

void switch_off(virDomainPtr domain) {
  if (virDomainDestroy(domain) == 0) return;
  const virError* error = virGetLastError();
  if (error != nullptr && (error->code == VIR_ERR_OPERATION_INVALID || error->code == VIR_ERR_NO_DOMAIN)) return;
  fail(std::string("destroy ") + virDomainGetName(domain));
}

void undefine(virDomainPtr domain) {
  unsigned flags = VIR_DOMAIN_UNDEFINE_MANAGED_SAVE | VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA |
                   VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA | VIR_DOMAIN_UNDEFINE_KEEP_NVRAM;
  if (has_tpm(xml_of(domain))) flags |= VIR_DOMAIN_UNDEFINE_TPM;  // libvirt 8.9
  check(virDomainUndefineFlags(domain, flags), std::string("undefine ") + virDomainGetName(domain));
}

DomainHandle with_new_tpm(virDomainPtr domain) {
  const std::string xml = xml_of(domain, VIR_DOMAIN_XML_INACTIVE | VIR_DOMAIN_XML_SECURE);
  const std::string name = virDomainGetName(domain);
  undefine(domain);
  return DomainHandle(check(virDomainDefineXML(virDomainGetConnect(domain), xml.c_str()), "define " + name));
}

}  // namespace kvmtest::libvirt
