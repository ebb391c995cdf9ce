internal import CLDNS
package import CertctlBase
internal import Glibc

/// DNS messages as bytes, made and read by libldns: what strangers send is parsed by a library that
/// others look after.
package enum DNSMessage {
  /// How large an answer over UDP may be: what passes every path without being cut to pieces
  /// (the value that resolvers agreed upon in 2020).
  static let datagramSize: UInt16 = 1232

  /// A question.
  ///
  /// - Parameters:
  ///   - name: The name, in the form of `DNSName`.
  ///   - type: The type.
  ///   - id: The message's number, which the answer repeats.
  ///   - isRecursive: Whether the server is to find out, not only to say what it has itself.
  /// - Returns: The message.
  /// - Throws: `HostError` with `.invalidRequest` for a name that is none, or `.missingLibrary`.
  package static func question(
    _ name: String, _ type: DNSType, id: UInt16, isRecursive: Bool
  ) throws(HostError) -> [UInt8] {
    let ldns = try DNSLibrary.use()
    let owner = try unsafe domain(name, ldns)
    let flags = isRecursive ? UInt16(LDNS_RD) : 0
    // The packet owns the name from here on.
    guard
      let packet = unsafe ldns.table.pointee.pkt_query_new(
        owner, ldns_rr_type(UInt32(type.rawValue)), LDNS_RR_CLASS_IN, flags)
    else { throw refused(name) }
    defer { unsafe ldns.table.pointee.pkt_free(packet) }
    unsafe ldns.table.pointee.pkt_set_id(packet, id)
    unsafe ldns.table.pointee.pkt_set_edns_udp_size(packet, datagramSize)
    return try unsafe bytes(of: packet, ldns, name)
  }

  /// A change of TXT records (RFC 2136).
  ///
  /// - Parameters:
  ///   - zone: The zone.
  ///   - added: Names and texts of the records to add.
  ///   - removed: Names and texts of the records to remove.
  ///   - ttl: The time to live of what is added, in seconds.
  ///   - id: The message's number.
  /// - Returns: The message, unsigned.
  /// - Throws: `HostError` with `.invalidRequest` for a name or text that is none, or
  ///   `.missingLibrary`.
  package static func update(
    zone: String, added: [(name: String, text: String)], removed: [(name: String, text: String)],
    ttl: UInt32, id: UInt16
  ) throws(HostError) -> [UInt8] {
    let ldns = try DNSLibrary.use()
    guard let list = unsafe ldns.table.pointee.rr_list_new() else { throw refused(zone) }
    defer { unsafe ldns.table.pointee.rr_list_deep_free(list) }
    for (name, text) in added {
      let record = try unsafe self.record(name, text, LDNS_RR_CLASS_IN, ttl: ttl, ldns)
      unsafe _ = ldns.table.pointee.rr_list_push_rr(list, record)
    }
    for (name, text) in removed {
      // "Delete an RR from an RRset": class NONE, no time to live (RFC 2136, section 2.5.4).
      let record = try unsafe self.record(name, text, LDNS_RR_CLASS_NONE, ttl: 0, ldns)
      unsafe _ = ldns.table.pointee.rr_list_push_rr(list, record)
    }
    guard
      let packet = unsafe ldns.table.pointee.update_pkt_new(
        try domain(zone, ldns), LDNS_RR_CLASS_IN, nil, list, nil)
    else { throw refused(zone) }
    defer { unsafe ldns.table.pointee.pkt_free(packet) }
    unsafe ldns.table.pointee.pkt_set_id(packet, id)
    var message = try unsafe bytes(of: packet, ldns, zone)
    // The library asks for recursion, whose bit has to be zero here (RFC 2136, section 2.2).
    message[2] &= 0xFE
    return message
  }

  /// Reads an answer, if it is the one to this message.
  ///
  /// - Parameters:
  ///   - bytes: What came.
  ///   - request: The message that was sent.
  /// - Returns: The answer; nil when it answers something else.
  /// - Throws: `HostError` with `.malformedAnswer` when it cannot be read, or `.missingLibrary`.
  package static func response(
    _ bytes: [UInt8], to request: [UInt8]
  ) throws(HostError) -> DNSResponse? {
    // The number first: an answer to another question needs no look.
    guard bytes.count >= 12, request.count >= 12, bytes[..<2] == request[..<2] else { return nil }
    do {
      return try read(bytes, to: request)
    } catch {
      // What is cut off may end anywhere; only TCP has the rest (RFC 2181, section 9).
      guard error.code == .malformedAnswer, bytes[2] & 0x82 == 0x82 else { throw error }
      return DNSResponse(isAuthoritative: false, isTruncated: true)
    }
  }

  private static func read(
    _ bytes: [UInt8], to request: [UInt8]
  ) throws(HostError) -> DNSResponse? {
    let ldns = try DNSLibrary.use()
    let asked = try unsafe packet(request, ldns)
    defer { unsafe ldns.table.pointee.pkt_free(asked) }
    let packet = try unsafe packet(bytes, ldns)
    defer { unsafe ldns.table.pointee.pkt_free(packet) }
    guard unsafe ldns.table.pointee.pkt_qr(packet),
      unsafe ldns.table.pointee.pkt_get_opcode(packet) == ldns.table.pointee.pkt_get_opcode(asked)
    else { return nil }
    let code = Int(unsafe ldns.table.pointee.pkt_get_rcode(packet).rawValue)
    let question = unsafe questions(packet, ldns)
    // Servers that refuse may leave the question out; only those that answer must repeat it.
    let wanted = unsafe questions(asked, ldns)
    guard question == wanted || (question.isEmpty && code != 0) else {
      return nil
    }
    return unsafe DNSResponse(
      code: code, isAuthoritative: ldns.table.pointee.pkt_aa(packet),
      isTruncated: ldns.table.pointee.pkt_tc(packet),
      answers: records(ldns.table.pointee.pkt_answer(packet), ldns),
      authority: records(ldns.table.pointee.pkt_authority(packet), ldns),
      additional: records(ldns.table.pointee.pkt_additional(packet), ldns))
  }
}
