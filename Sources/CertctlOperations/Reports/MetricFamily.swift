package import FoundationEssentials

/// The samples of one metric in the Prometheus text format, version 0.0.4.
///
/// Samples have no timestamps: node_exporter rejects a file that contains any.
package struct MetricFamily: Sendable {
  /// A value with its labels.
  package struct Sample: Sendable {
    /// The labels; their names are fixed, their values can be any text.
    package var labels: [(name: String, value: String)]
    /// The value.
    package var value: Double
  }

  /// The metric's name: letters, digits and underscores.
  package let name: String
  /// The HELP text, on one line.
  package let help: String
  /// The samples, each with a different set of labels.
  package var samples: [Sample] = []

  /// Creates an empty family.
  package init(_ name: String, _ help: String) {
    self.name = name
    self.help = help
  }

  /// Adds a sample, or nothing if the value is nil.
  package mutating func add(_ value: Double?, _ labels: [(name: String, value: String)] = []) {
    guard let value else { return }
    samples.append(Sample(labels: labels, value: value))
  }

  /// Adds a date as seconds since 1970, or nothing if it is nil.
  package mutating func add(_ instant: Date?, _ labels: [(name: String, value: String)]) {
    add(instant?.timeIntervalSince1970, labels)
  }

  /// Adds a sample for each state: 1 for the current state, 0 for the others.
  ///
  /// So no series disappears when the state changes.
  package mutating func add(
    _ current: String, of all: [String], _ labels: [(name: String, value: String)]
  ) {
    for state in all { add(state == current ? 1 : 0, labels + [("state", state)]) }
  }

  /// The family in the text format; empty without samples.
  ///
  /// All metrics are gauges: counters start again with their process, which a file does not have.
  package var text: String {
    guard !samples.isEmpty else { return "" }
    let lines = samples.map { sample in
      let labels = sample.labels.map { "\($0.name)=\"\(Self.escaped($0.value))\"" }
      return name + (labels.isEmpty ? "" : "{\(labels.joined(separator: ","))}")
        + " \(Self.number(sample.value))\n"
    }
    return "# HELP \(name) \(help)\n# TYPE \(name) gauge\n" + lines.joined()
  }

  /// Returns a label's value as it is written between quotes.
  static func escaped(_ value: String) -> String {
    guard value.utf8.contains(where: { $0 == 0x5C || $0 == 0x22 || $0 == 0x0A }) else {
      return value
    }
    // By scalars: "\r\n" is one Character, but its line feed would end the sample.
    return value.unicodeScalars.map { scalar in
      switch scalar {
      case "\\": "\\\\"
      case "\"": "\\\""
      case "\n": "\\n"
      default: String(scalar)
      }
    }
    .joined()
  }

  /// Returns a number in Go's syntax, whole ones without a fraction.
  static func number(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
    return Int64(exactly: value).map(String.init) ?? "\(value)"
  }
}
