import java.net.URI
import java.net.http.HttpClient
import java.net.http.HttpRequest
import java.net.http.HttpResponse
import java.time.Duration

fun main() {
    val lead = """{ "email": "jane@example.com", "attributes": { "FirstName": "Jane" } }"""
    val request = HttpRequest.newBuilder(URI("http://127.0.0.1:8080/leads"))
        .PUT(HttpRequest.BodyPublishers.ofString(lead))
        .header("Content-Type", "application/json")
        .timeout(Duration.ofSeconds(30))
        .build()
    val response = HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString())
    println("${response.statusCode()} ${response.body()}")
}
