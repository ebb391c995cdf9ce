import ACME
import Testing
