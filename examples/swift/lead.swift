import Foundation
#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

struct Lead: Encodable {
    let email: String
    let attributes: [String: String]
}

let lead = Lead(email: "jane@example.com", attributes: ["FirstName": "Jane"])
var request = URLRequest(url: URL(string: "http://127.0.0.1:8080/leads")!)
request.httpMethod = "PUT"
request.timeoutInterval = 30
request.setValue("application/json", forHTTPHeaderField: "Content-Type")
request.httpBody = try JSONEncoder().encode(lead)
let (data, response) = try await URLSession.shared.data(for: request)
print((response as! HTTPURLResponse).statusCode, String(decoding: data, as: UTF8.self))
