using System;
using System.Net.Http;
using System.Text;

class Lead
{
    static int Main()
    {
        var lead = "{ \"email\": \"jane@example.com\", \"attributes\": { \"FirstName\": \"Jane\" } }";
        using (var client = new HttpClient { Timeout = TimeSpan.FromSeconds(30) })
        {
            var content = new StringContent(lead, Encoding.UTF8, "application/json");
            var response = client.PutAsync("http://127.0.0.1:8080/leads", content).Result;
            Console.WriteLine((int)response.StatusCode + " " + response.Content.ReadAsStringAsync().Result);
            return response.IsSuccessStatusCode ? 0 : 1;
        }
    }
}
