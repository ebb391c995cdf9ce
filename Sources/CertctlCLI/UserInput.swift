import ACME
import CertctlCore
import CertctlCrypto
import CertctlIssuing
import CertctlSystem
import FoundationEssentials

/// A path that the user gave, made absolute by the working directory.
///
/// What is stored with a lineage must mean the same to the timer.
func absolutePath(_ path: String) -> String {
  guard !path.hasPrefix("/") else { return path }
  let here = FileManager.default.currentDirectoryPath
  var relative = Substring(path)
  while relative.hasPrefix("./") { relative = relative.dropFirst(2) }
  if relative.isEmpty || relative == "." { return here }
  return here == "/" ? "/\(relative)" : "\(here)/\(relative)"
}

/// A file that the user names on the command line, to be read once.
enum UserFile {
  /// Whether a path stands for what the user's shell hands over, such as `<(command)`.
  static func isHandedOver(_ path: String) -> Bool {
    path == "/dev/stdin" || path.hasPrefix("/dev/fd/") || path.hasPrefix("/proc/self/fd/")
  }

  /// The bytes of a file; nil when it cannot be read, or is no file.
  static func read(_ path: String) -> [UInt8]? {
    guard !isHandedOver(path) else {
      return FileManager.default.contents(atPath: path).map { [UInt8]($0) }
    }
    let (folder, name) = DurableFolder.folderAndName(of: path)
    return (try? folder.read(name)) ?? nil
  }
}

/// The certificate request in a file.
func readRequest(_ file: String) throws -> UserCSR {
  let path = absolutePath(file)
  guard let contents = UserFile.read(path) else {
    throw CertctlError(
      .usage, "the certificate request \(path) cannot be read",
      hint: "check --csr")
  }
  return try UserCSR(contents: contents)
}

extension RegistrationOptions {
  /// The registration that these options describe.
  func registration(_ output: Output) throws -> Registration {
    let terms: Registration.Terms =
      if self.agreesToTerms == true {
        .agreed
      } else if output.canAsk {
        .ask { url in
          output.note(lines: ["", "The CA's terms of service: \(url)"])
          return await output.ask("Do you agree to them?")
        }
      } else {
        .notAgreed
      }
    return Registration(
      emails: self.emails ?? [], terms: terms, externalAccount: try externalAccount())
  }

  private func externalAccount() throws -> ExternalAccount? {
    guard let externalKeyID = self.externalKeyID, let externalKeyFile = self.externalKeyFile else {
      return nil
    }
    let path = absolutePath(externalKeyFile)
    guard let contents = UserFile.read(path) else {
      throw CertctlError(
        .usage, "the key file \(path) cannot be read", hint: "check --eab-hmac-key-file")
    }
    do throws(ACMEError) {
      return try ExternalAccount(
        keyID: externalKeyID, encodedKey: String(decoding: contents, as: UTF8.self))
    } catch {
      throw CertctlError(
        .usage, "the key file \(path) does not hold base64url or base64 text",
        hint: "put the HMAC key into it just as the CA showed it")
    }
  }
}
