import java.io.FileInputStream;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.security.KeyStore;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;

/** Serve PORT KEYS PASSWORD - an HTTPS server; the JDK staples if it is told to. */
public class Serve {
    public static void main(String[] args) throws Exception {
        char[] password = args[2].toCharArray();
        KeyStore keys = KeyStore.getInstance("PKCS12");
        try (FileInputStream in = new FileInputStream(args[1])) {
            keys.load(in, password);
        }
        KeyManagerFactory managers = KeyManagerFactory.getInstance("PKIX");
        managers.init(keys, password);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(managers.getKeyManagers(), null, null);
        var server = context.getServerSocketFactory().createServerSocket(
            Integer.parseInt(args[0]), 9, InetAddress.getByName("127.0.0.1"));
        while (true) {
            try (SSLSocket client = (SSLSocket) server.accept()) {
                client.setSoTimeout(20000);
                byte[] head = new byte[8192];
                client.getInputStream().read(head);
                client.getOutputStream().write(
                    "HTTP/1.0 200 ok\r\n\r\nok\n".getBytes(StandardCharsets.US_ASCII));
            } catch (Exception e) {
                System.err.println(e);
            }
        }
    }
}
