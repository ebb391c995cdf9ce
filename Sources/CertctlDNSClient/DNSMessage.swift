internal import CLDNS
package import CertctlBase
internal import Glibc

/// DNS messages in wire format, encoded and decoded by libldns.
///
/// Untrusted input is therefore parsed by a maintained library.
package enum DNSMessage {
  /// The maximum size of a UDP response, which avoids IP fragmentation (DNS Flag Day 2020).
  static let datagramSize: UInt16 = 1232

  /// Creates a query.
  ///
  /// - Parameters:
  ///   - name: The name, in the form of `DNSName`.
  ///   - type: The record type.
  ///   - id: The message ID, which the response repeats.
  ///   - isRecursive: Whether recursion is requested.
  /// - Returns: The message.
  /// - Throws: `HostError` with `.invalidRequest` for an invalid name, or `.missingLibrary`.
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

  /// Creates an update of TXT records (RFC 2136).
  ///
  /// - Parameters:
  ///   - zone: The zone.
  ///   - added: The names and texts of the records to add.
  ///   - removed: The names and texts of the records to remove.
  ///   - ttl: The TTL of the added records, in seconds.
  ///   - id: The message ID.
  /// - Returns: The unsigned message.
  /// - Throws: `HostError` with `.invalidRequest` for an invalid name or text, or
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
      // "Delete An RR From An RRset": class NONE, TTL 0 (RFC 2136, section 2.5.4).
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
    // libldns sets the recursion bit, which must be zero in updates (RFC 2136, section 2.2).
    message[2] &= 0xFE
    return message
  }

  /// Parses the response to a message.
  ///
  /// - Parameters:
  ///   - bytes: The received bytes.
  ///   - request: The sent message.
  /// - Returns: The response; nil if it belongs to another message.
  /// - Throws: `HostError` with `.malformedAnswer` if it cannot be parsed, or `.missingLibrary`.
  package static func response(
    _ bytes: [UInt8], to request: [UInt8]
  ) throws(HostError) -> DNSResponse? {
    // The ID first: a response to another message need not be parsed.
    guard bytes.count >= 12, request.count >= 12, bytes[..<2] == request[..<2] else { return nil }
    do {
      return try read(bytes, to: request)
    } catch {
      // A truncated response may end anywhere; TCP has the rest (RFC 2181, section 9).
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
    // A server may omit the question from an error response, but not from other responses.
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
