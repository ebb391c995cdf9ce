import ArgumentParser

@main
struct CertctlCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "certctl")
}
