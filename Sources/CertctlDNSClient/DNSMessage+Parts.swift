internal import CLDNS
internal import CertctlBase
internal import Glibc

extension DNSMessage {
  // MARK: - Encoding

  /// Returns a name as a libldns object, owned by the caller.
  static func domain(
    _ name: String, _ ldns: DNSLibrary
  ) throws(HostError) -> UnsafeMutablePointer<ldns_rdf> {
    guard let name = DNSName.normalized(name),
      let domain = unsafe ldns.table.pointee.dname_new_frm_str(name + ".")
    else { throw refused(name) }
    return unsafe domain
  }

  /// Returns a TXT record as a libldns object, owned by the caller.
  static func record(
    _ name: String, _ text: String, _ recordClass: ldns_rr_class, ttl: UInt32, _ ldns: DNSLibrary
  ) throws(HostError) -> UnsafeMutablePointer<ldns_rr> {
    // A string of a TXT record carries its length in one byte (RFC 1035, section 3.3.14).
    let string = [UInt8(truncatingIfNeeded: text.utf8.count)] + Array(text.utf8)
    guard text.utf8.count <= 255, let record = unsafe ldns.table.pointee.rr_new() else {
      throw refused(name)
    }
    unsafe ldns.table.pointee.rr_set_owner(record, try domain(name, ldns))
    unsafe ldns.table.pointee.rr_set_type(record, LDNS_RR_TYPE_TXT)
    unsafe ldns.table.pointee.rr_set_class(record, recordClass)
    unsafe ldns.table.pointee.rr_set_ttl(record, ttl)
    let data = unsafe string.withUnsafeBytes { bytes in
      unsafe ldns.table.pointee.rdf_new_frm_data(
        LDNS_RDF_TYPE_STR, bytes.count, bytes.baseAddress)
    }
    unsafe _ = ldns.table.pointee.rr_push_rdf(record, data)
    return unsafe record
  }

  /// Returns a message in wire format.
  static func bytes(
    of packet: UnsafeMutablePointer<ldns_pkt>, _ ldns: DNSLibrary, _ name: String
  ) throws(HostError) -> [UInt8] {
    var wire: UnsafeMutablePointer<UInt8>?
    var count = 0
    let status = unsafe ldns.table.pointee.pkt2wire(&wire, packet, &count)
    defer { unsafe free(wire) }
    guard status == LDNS_STATUS_OK, let wire = unsafe wire else { throw refused(name) }
    return unsafe Array(UnsafeBufferPointer(start: wire, count: count))
  }

  static func refused(_ name: String) -> HostError {
    HostError(
      .invalidRequest, operation: "encode a DNS message about", subject: name,
      detail: "invalid name or text")
  }

  // MARK: - Decoding

  /// Parses a message; the libldns object is owned by the caller.
  static func packet(
    _ bytes: [UInt8], _ ldns: DNSLibrary
  ) throws(HostError) -> UnsafeMutablePointer<ldns_pkt> {
    var packet: UnsafeMutablePointer<ldns_pkt>?
    let status = unsafe bytes.withUnsafeBufferPointer { buffer in
      unsafe ldns.table.pointee.wire2pkt(&packet, buffer.baseAddress, buffer.count)
    }
    guard status == LDNS_STATUS_OK, let packet = unsafe packet else {
      let words = unsafe ldns.table.pointee.get_errorstr_by_id(status).map {
        unsafe String(cString: $0)
      }
      throw HostError(
        .malformedAnswer, operation: "parse a DNS message", detail: words ?? "it is damaged")
    }
    return unsafe packet
  }

  /// Returns the questions of a message, as text.
  static func questions(
    _ packet: UnsafeMutablePointer<ldns_pkt>, _ ldns: DNSLibrary
  ) -> [String] {
    unsafe list(ldns.table.pointee.pkt_question(packet), ldns).map { record in
      let type = unsafe ldns.table.pointee.rr_get_type(record).rawValue
      let name = unsafe self.name(ldns.table.pointee.rr_owner(record), ldns) ?? "?"
      return "\(name) \(type)"
    }
  }

  /// Returns the records of a section.
  static func records(
    _ section: UnsafeMutablePointer<ldns_rr_list>?, _ ldns: DNSLibrary
  ) -> [DNSRecord] {
    unsafe list(section, ldns).compactMap { record in
      guard unsafe ldns.table.pointee.rr_get_class(record) == LDNS_RR_CLASS_IN,
        let owner = unsafe name(ldns.table.pointee.rr_owner(record), ldns)
      else { return nil }
      let type = DNSType(
        rawValue: UInt16(
          truncatingIfNeeded: unsafe ldns.table.pointee.rr_get_type(record).rawValue))
      let count = unsafe ldns.table.pointee.rr_rd_count(record)
      let fields = unsafe (0..<count).map { unsafe ldns.table.pointee.rr_rdf(record, $0) }
      return unsafe DNSRecord(
        name: owner, type: type, ttl: ldns.table.pointee.rr_ttl(record),
        content: content(type, fields, ldns))
    }
  }

  private static func list(
    _ section: UnsafeMutablePointer<ldns_rr_list>?, _ ldns: DNSLibrary
  ) -> [UnsafeMutablePointer<ldns_rr>] {
    guard let section = unsafe section else { return unsafe [] }
    let count = unsafe ldns.table.pointee.rr_list_rr_count(section)
    return unsafe (0..<count).compactMap { unsafe ldns.table.pointee.rr_list_rr(section, $0) }
  }

  private static func content(
    _ type: DNSType, _ fields: [UnsafeMutablePointer<ldns_rdf>?], _ ldns: DNSLibrary
  ) -> DNSRecord.Content {
    let data = unsafe fields.map { unsafe bytes($0, ldns) }
    switch type {
    case .a where data.first?.count == 4, .aaaa where data.first?.count == 16:
      return IPAddress(octets: data[0]).map { .address("\($0)") } ?? .other
    case .ns, .cname:
      return unsafe name(fields.first ?? nil, ldns).map { .name($0) } ?? .other
    case .soa where data.count == 7:
      guard let primary = unsafe name(fields[0], ldns) else { return .other }
      return .start(primary: primary, serial: number(data[2]), negativeTTL: number(data[6]))
    case .txt:
      // Each string starts with its length.
      return .text(data.flatMap { $0.dropFirst() })
    case .caa where data.count == 3:
      return .authorization(
        flags: data[0].first ?? 0, tag: String(decoding: data[1].dropFirst(), as: UTF8.self),
        value: String(decoding: data[2], as: UTF8.self))
    default: return .other
    }
  }

  static func bytes(
    _ field: UnsafeMutablePointer<ldns_rdf>?, _ ldns: DNSLibrary
  ) -> [UInt8] {
    guard let field = unsafe field, let start = unsafe ldns.table.pointee.rdf_data(field) else {
      return []
    }
    return unsafe Array(
      UnsafeBufferPointer(start: start, count: ldns.table.pointee.rdf_size(field)))
  }

  /// Returns a name as libldns prints it, with special characters escaped.
  private static func name(
    _ field: UnsafeMutablePointer<ldns_rdf>?, _ ldns: DNSLibrary
  ) -> String? {
    guard let field = unsafe field,
      unsafe ldns.table.pointee.rdf_get_type(field) == LDNS_RDF_TYPE_DNAME,
      let text = unsafe ldns.table.pointee.rdf2str(field)
    else { return nil }
    defer { unsafe free(text) }
    let name = unsafe String(cString: text).lowercased()
    return name.hasSuffix(".") ? String(name.dropLast()) : name
  }

  private static func number(_ bytes: [UInt8]) -> UInt32 {
    bytes.prefix(4).reduce(0) { $0 << 8 | UInt32($1) }
  }
}
