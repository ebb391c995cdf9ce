import TestSupport

/// A parser for the Prometheus text format, as strict as Prometheus and node_exporter.
struct ExpositionParser {
  struct Sample: Equatable {
    let name: String
    let labels: [String: String]
    let value: Double
  }

  private(set) var samples: [Sample] = []
  private(set) var types: [String: String] = [:]
  private(set) var help: [String: String] = [:]

  init(_ text: String) throws {
    guard text.hasSuffix("\n") else { throw HarnessError("the last line does not end") }
    var current = ""
    var finished: Set<String> = []
    for line in text.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false)
      .dropLast()
    {
      var scanner = Scanner(rest: line)
      if scanner.take("# HELP ") {
        let name = try scanner.name()
        guard scanner.take(" "), help[name] == nil, finished.insert(name).inserted else {
          throw HarnessError("HELP twice or wrong: \(String(line))")
        }
        help[name] = String(scanner.rest)
        current = name
      } else if scanner.take("# TYPE ") {
        let name = try scanner.name()
        guard name == current, scanner.take(" "), types[name] == nil,
          ["gauge", "counter"].contains(String(scanner.rest))
        else { throw HarnessError("TYPE at the wrong place: \(String(line))") }
        types[name] = String(scanner.rest)
      } else {
        let sample = try scanner.sample()
        // The samples of a metric directly follow its HELP and TYPE.
        guard sample.name == current, types[current] != nil else {
          throw HarnessError("a sample at the wrong place: \(String(line))")
        }
        guard !samples.contains(where: { $0.name == sample.name && $0.labels == sample.labels })
        else { throw HarnessError("twice the same sample: \(String(line))") }
        samples.append(sample)
      }
    }
  }

  /// Returns the value of the only sample with at least these labels, or nil.
  func value(_ name: String, _ labels: [String: String] = [:]) -> Double? {
    let found = samples.filter { sample in
      sample.name == name && labels.allSatisfy { sample.labels[$0.key] == $0.value }
    }
    return found.count == 1 ? found[0].value : nil
  }

  private struct Scanner {
    var rest: Substring.UnicodeScalarView

    mutating func take(_ text: String) -> Bool {
      guard rest.starts(with: text.unicodeScalars) else { return false }
      rest = rest.dropFirst(text.unicodeScalars.count)
      return true
    }

    mutating func name() throws -> String {
      let name = rest.prefix {
        $0.isASCII && ($0.properties.isAlphabetic || "_0123456789".unicodeScalars.contains($0))
      }
      guard let first = name.first, !("0"..."9").contains(first) else {
        throw HarnessError("no name: \(String(rest))")
      }
      rest = rest.dropFirst(name.count)
      return String(name)
    }

    mutating func sample() throws -> Sample {
      let line = String(rest)
      let name = try name()
      var labels: [String: String] = [:]
      if take("{") {
        repeat {
          let label = try self.name()
          guard take("=\""), labels[label] == nil else { throw HarnessError("label: \(line)") }
          labels[label] = try quoted()
        } while take(",")
        guard take("}") else { throw HarnessError("labels do not end: \(line)") }
      }
      // node_exporter refuses a timestamp after the value.
      guard take(" "), let value = Double(String(rest)) else {
        throw HarnessError("no value, or more than one: \(line)")
      }
      return Sample(name: name, labels: labels, value: value)
    }

    /// Reads a label value and its closing quote.
    mutating func quoted() throws -> String {
      var text = ""
      while let scalar = rest.popFirst() {
        switch scalar {
        case "\"": return text
        case "\\":
          switch rest.popFirst() {
          case "\\": text += "\\"
          case "\"": text += "\""
          case "n": text += "\n"
          default: throw HarnessError("unknown escape")
          }
        default: text.unicodeScalars.append(scalar)
        }
      }
      throw HarnessError("a label's value does not end")
    }
  }
}
