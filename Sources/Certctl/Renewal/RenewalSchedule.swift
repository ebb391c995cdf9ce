package import FoundationEssentials

/// When a certificate is due, where the CA has no renewal information.
package enum RenewalSchedule {
  /// The instant from which a certificate should be renewed.
  ///
  /// When a third of its lifetime is left; half, if it lives less than ten days: the practice
  /// that Let's Encrypt asks clients to follow.
  package static func dueDate(notBefore: Date, notAfter: Date) -> Date {
    let lifetime = notAfter.timeIntervalSince(notBefore)
    let left = lifetime < 10 * 24 * 3600 ? lifetime / 2 : lifetime / 3
    return notAfter.addingTimeInterval(-left)
  }

  /// Whether the last quarter of the lifetime has begun, when "try later" becomes an alarm.
  package static func isUrgent(notBefore: Date, notAfter: Date, now: Date) -> Bool {
    notAfter.timeIntervalSince(now) < notAfter.timeIntervalSince(notBefore) / 4
  }
}
