import FoundationEssentials

@testable import CertctlOperations

/// Reports for what is printed of them; the day is 2026-06-01, noon.
enum SampleReports {
  static let now = Date(timeIntervalSince1970: 1_780_315_200)

  /// The instant `days` from now.
  static func day(_ days: Double) -> Date { now.addingTimeInterval(days * 86400) }

  /// A report with a certificate from and until so many days from now.
  static func report(
    _ name: String = "example.com", _ state: LineageReport.State = .valid, from: Double = -30,
    until: Double = 60, renewing: Double? = 30, change: (inout LineageReport) -> Void = { _ in }
  ) -> LineageReport {
    var report = LineageReport(name: name, state: state, names: [name])
    report.notBefore = day(from)
    report.notAfter = day(until)
    report.renewAt = renewing.map(day)
    change(&report)
    return report
  }

  /// One without a certificate.
  static func missing(_ name: String = "new.example") -> LineageReport {
    LineageReport(name: name, state: .missing, names: [name])
  }
}
